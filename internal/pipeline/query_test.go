package pipeline

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// explain asks a running destination, and the state that a reader would load from the ledger: I13 says
// that both tell the same.
func (w *world) explain(d *Destination, who string) state.Story {
	w.t.Helper()
	var live state.Story
	if err := d.Ask(context.Background(), func(s *state.State) { live, _ = s.Explain(who) }); err != nil {
		w.t.Fatal(err)
	}
	loaded := state.NewState(w.options().Policy, []byte("salt"))
	j := &fakeJournal{world: w}
	if _, err := j.Load(context.Background(), loaded.Read, func(_ uint64, body []byte) error { return loaded.Apply(body) }); err != nil {
		w.t.Fatal(err)
	}
	fromLedger, _ := loaded.Explain(who)
	if diff := cmp.Diff(live, fromLedger); diff != "" {
		w.t.Errorf("the active replica and the ledger tell different stories (I13):\n%s", diff)
	}
	return live
}

func TestAPersonsStoryIsToldFromJoiningToLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(time.Second)
		noTimes := cmpopts.IgnoreFields(state.ContactStory{}, "Due", "Oldest", "Added", "Doubt")
		want := state.Story{
			Contacts: []state.ContactStory{{Email: "ada1@example.com", Desired: true, State: "window", Place: 1, Source: 1}},
			Profiles: []state.ProfileStory{{
				Profile: "p1", Holds: "ada1@example.com",
				Memberships: []state.MembershipStory{{Segment: "a", In: true, Sequence: 1, Attributes: true, Email: "ada1@example.com"}},
			}},
		}
		got := w.explain(d, "Ada1@Example.com")
		if diff := cmp.Diff(want, got, noTimes); diff != "" {
			t.Error(diff)
		}
		if due := got.Contacts[0].Due; due == nil || time.Until(*due) != 4*time.Second {
			t.Errorf("due %v, want in 4s", due)
		}
		if diff := cmp.Diff(got, w.explain(d, "p1")); diff != "" {
			t.Errorf("by profile it reads differently: %s", diff)
		}
		time.Sleep(10 * time.Second)
		if c := w.explain(d, "p1").Contacts[0]; c.State != "on_the_way" || c.Operation != "upsert" || c.Job == "" {
			t.Errorf("after its window: %+v", c)
		}
		time.Sleep(2 * time.Minute)
		if c := w.explain(d, "p1").Contacts[0]; c.State != "clean" || !c.Listed || c.PutBy != "rollcall" {
			t.Errorf("applied: %+v", c)
		}
		w.publish("a", "p1", "exited", "")
		time.Sleep(5 * time.Minute)
		left := w.explain(d, "ada1@example.com")
		if c := left.Contacts[0]; c.Listed || c.Desired || c.State != "clean" || len(left.Profiles) != 1 {
			t.Errorf("after leaving: %+v", left)
		}
		if p := left.Profiles[0]; p.Departed == nil || p.Holds != "" || p.Memberships[0].In {
			t.Errorf("the profile after leaving: %+v", p)
		}
		if _, ok := state.NewState(w.options().Policy, nil).Explain("nobody@example.com"); ok {
			t.Error("nobody has a story")
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// I5: the answer gives the line in the order in which it is admitted.
func TestTheLineIsToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Cap = 1
		d, stop := w.run(o)
		for i := 1; i <= 4; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(2 * time.Minute)
		var line []state.Turn
		var total int
		if err := d.Ask(t.Context(), func(s *state.State) { line, total = s.Waiting(2) }); err != nil {
			t.Fatal(err)
		}
		want := []state.Turn{{Turn: 1, Email: "ada2@example.com", Place: 2}, {Turn: 2, Email: "ada3@example.com", Place: 3}}
		if diff := cmp.Diff(want, line); diff != "" || total != 3 {
			t.Errorf("%d wait; %s", total, diff)
		}
		if c := w.explain(d, "p4").Contacts[0]; c.State != "waiting" || c.Turn != 3 {
			t.Errorf("the last in line: %+v", c)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// Two operators at once: an approval is for what was shown, and counts once.
func TestAnApprovalNamesWhatWasShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Guard.MinRemovals = 2
		d, stop := w.run(o)
		for i := 1; i <= 6; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(3 * time.Minute)
		for i := 1; i <= 6; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
		}
		time.Sleep(3 * time.Minute)
		var held state.Held
		if err := d.Ask(t.Context(), func(s *state.State) { held = s.Held() }); err != nil {
			t.Fatal(err)
		}
		if held.Count != 4 || len(held.Digest) != 12 {
			t.Fatalf("held: %+v", held)
		}
		other := record.Command{Name: "approve", Count: 3, Digest: "000000000000"}
		if err := d.Do(t.Context(), other); !errors.Is(err, ErrChanged) {
			t.Errorf("an approval of something else: %v", err)
		}
		answers := make(chan error, 2)
		for _, who := range []string{"ada@desk", "grace@desk"} {
			go func() {
				answers <- d.Do(context.Background(), record.Command{Name: "approve", Who: who, Count: held.Count, Digest: held.Digest})
			}()
		}
		first, second := <-answers, <-answers
		if first != nil && second != nil || first == nil && second == nil {
			t.Errorf("of two approvals exactly one is done: %v, %v", first, second)
		}
		time.Sleep(10 * time.Minute)
		if got := w.list(); len(got) != 0 {
			t.Errorf("still listed: %d", len(got))
		}
		var given []record.Command
		if err := d.Ask(t.Context(), func(s *state.State) { given = s.Commands() }); err != nil {
			t.Fatal(err)
		}
		if len(given) != 1 || given[0].Name != "approve" || given[0].Who == "" || given[0].Count != 4 || given[0].At == 0 {
			t.Errorf("the ledger's commands: %+v", given)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestACommandIsInTheLedgerWhenItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		for _, name := range []string{"pause", "resume", "pause"} {
			if err := d.Do(t.Context(), record.Command{Name: name, Who: "ada@desk", Comment: "maintenance"}); err != nil {
				t.Fatal(err)
			}
			paused := false
			if err := d.Ask(t.Context(), func(s *state.State) { paused = s.Meta.Paused }); err != nil {
				t.Fatal(err)
			}
			if paused != (name == "pause") {
				t.Errorf("after %s: paused %v", name, paused)
			}
		}
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(5 * time.Minute)
		if n := len(w.seen().requests); n != 0 || w.explain(d, "p1").Contacts[0].State != "window" {
			t.Errorf("paused, and requests were made: %v", w.seen().requests)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := d.Do(t.Context(), record.Command{Name: "resume"}); !errors.Is(err, ErrNotActive) {
			t.Errorf("after the stop: %v", err)
		}
		if err := d.Ask(t.Context(), func(*state.State) { t.Error("asked after the stop") }); !errors.Is(err, ErrNotActive) {
			t.Errorf("asked after the stop: %v", err)
		}
	})
}

// Who left and came back holds again what they held before: it is one contact, and not one before.
func TestAStoryNamesAContactOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		for _, change := range []string{"entered", "exited", "entered"} {
			w.publish("a", "p1", change, ada(1))
			time.Sleep(5 * time.Minute)
		}
		for _, who := range []string{"p1", "ada1@example.com"} {
			got := w.explain(d, who)
			if len(got.Contacts) != 1 || len(got.Profiles) != 1 || len(got.Profiles[0].Past) != 0 || got.Profiles[0].Holds != "ada1@example.com" {
				t.Errorf("%s: %+v", who, got)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// `pause X && status X` shows it: whoever was answered sees what the command did.
func TestWhoWasAnsweredSeesTheCommandInTheNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		for _, name := range []string{"pause", "resume"} {
			if err := d.Do(t.Context(), record.Command{Name: name}); err != nil {
				t.Fatal(err)
			}
			if paused := d.Stats().Paused; paused != (name == "pause") {
				t.Errorf("right after %s the numbers say paused: %t", name, paused)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}
