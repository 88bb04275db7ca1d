package pipeline

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

func (w *world) replayState(d *Destination) record.Replay {
	w.t.Helper()
	var at record.Replay
	if err := d.Ask(context.Background(), func(s *state.State) {
		if r := s.Replay(); r != nil {
			at = *r
		}
	}); err != nil {
		w.t.Fatal(err)
	}
	return at
}

// rehearse plans a replay from what the ledger holds.
func (w *world) rehearse(r record.Replay) Plan { return w.rehearseWith(w.options(), r) }

func (w *world) rehearseWith(o Options, r record.Replay) Plan {
	w.t.Helper()
	s := state.NewState(o.Policy, o.Salt)
	j := &fakeJournal{world: w}
	if _, err := j.Load(context.Background(), s.Read, func(_ uint64, body []byte) error { return s.Apply(body) }); err != nil {
		w.t.Fatal(err)
	}
	p, err := Rehearse(context.Background(), s, Rehearsal{Stream: w, Binding: o.Binding, Mapping: o.Mapping, Batch: o.Batch, Policy: o.Policy, Replay: r})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// I3, H13: a replay sends again what it is told to, and revives nobody.
func TestAForcedReplaySendsTheListedAgainAndRevivesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		for i := 1; i <= 5; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(3 * time.Minute)
		w.publish("a", "p5", "exited", "")
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff(emails(1, 2, 3, 4), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if p := w.rehearse(record.Replay{}); p.Upserts+p.Removals+p.Waiting != 0 || p.Events == 0 || p.NoOps+p.Superseded != p.Events {
			t.Errorf("a plan that should change nothing: %+v", p)
		}
		plan := w.rehearse(record.Replay{Force: true})
		if plan.Upserts != 4 || plan.Removals != 0 || plan.Requests["upsert"] != 1 {
			t.Errorf("the forced plan: %+v", plan)
		}
		before := w.requests["upsert"]
		r, err := d.Replay(t.Context(), record.Command{Who: "ada@desk"}, record.Replay{Force: true})
		if err != nil || r.State != state.ReplayRunning {
			t.Fatalf("%+v, %v", r, err)
		}
		if _, err := d.Replay(t.Context(), record.Command{}, record.Replay{}); err == nil {
			t.Error("two replays at once")
		}
		time.Sleep(5 * time.Minute)
		at := w.replayState(d)
		if at.State != state.ReplayDone || at.Folded != plan.Events || int(at.Touched) != plan.Upserts {
			t.Errorf("the replay ended as %+v, planned %+v", at, plan)
		}
		if n := w.requests["upsert"] - before; n != plan.Requests["upsert"] {
			t.Errorf("%d upserts, planned %d", n, plan.Requests["upsert"])
		}
		if diff := cmp.Diff(emails(1, 2, 3, 4), w.list()); diff != "" {
			t.Error(diff)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAReplaysFiltersChooseProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		w.publish("b", "p2", "entered", ada(2))
		w.publish("a", "p3", "entered", ada(3))
		time.Sleep(3 * time.Minute)
		for name, c := range map[string]struct {
			replay record.Replay
			want   int
		}{
			"segment": {record.Replay{Segment: "b"}, 1},
			"profile": {record.Replay{Profile: []byte("p3")}, 1},
			"until":   {record.Replay{Until: 2}, 2},
			"from":    {record.Replay{From: 3}, 1},
			"all":     {record.Replay{}, 3},
		} {
			c.replay.Force = true
			if p := w.rehearse(c.replay); p.Upserts != c.want {
				t.Errorf("%s: %d upserts planned, want %d", name, p.Upserts, c.want)
			}
		}
		if _, err := d.Replay(t.Context(), record.Command{}, record.Replay{Until: 2, Force: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if at := w.replayState(d); at.State != state.ReplayDone || at.Touched != 2 {
			t.Errorf("%+v", at)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// I10: a replay goes on after a restart where the ledger says it was, and a cancelled one does not.
func TestAReplaySurvivesARestartAndEndsWhenItIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		for i := 1; i <= 3; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(3 * time.Minute)
		if err := d.Do(t.Context(), record.Command{Name: "pause"}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Replay(t.Context(), record.Command{}, record.Replay{Force: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		d, stop = w.run(w.options())
		time.Sleep(time.Second)
		if at := w.replayState(d); at.State != state.ReplaySending {
			t.Errorf("after the restart: %+v", at)
		}
		if err := d.Do(t.Context(), record.Command{Name: "resume"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if at := w.replayState(d); at.State != state.ReplayDone || at.Touched != 3 {
			t.Errorf("after resuming: %+v", at)
		}
		if _, err := d.CancelReplay(t.Context(), record.Command{}); err == nil {
			t.Error("a replay that has ended was cancelled")
		}
		if err := d.Do(t.Context(), record.Command{Name: "pause"}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Replay(t.Context(), record.Command{}, record.Replay{Force: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if _, err := d.CancelReplay(t.Context(), record.Command{}); err != nil {
			t.Fatal(err)
		}
		if err := d.Do(t.Context(), record.Command{Name: "resume"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if st := d.Stats(); st.Listed != 3 || st.Dirty() != 0 || w.replayState(d).State != state.ReplayCancelled {
			t.Errorf("after cancelling: %+v", st)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// Each replay has a name of its own, also once the ledger keeps no more of the commands before.
func TestEveryReplayHasANameOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		w.crowd("a", 1)
		for range state.CommandsKept + 5 {
			w.order(d, "resume")
		}
		names := map[string]bool{}
		for range 3 {
			w.replays(d, record.Replay{Force: true})
			w.untilDone(d)
			names[w.replayState(d).ID] = true
		}
		if len(names) != 3 || w.seen().requests["upsert"] != 4 {
			t.Errorf("three replays are %v, with %d upserts", names, w.seen().requests["upsert"])
		}
		mustStop(t, stop)
	})
}
