package pipeline

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/ledger/record"
)

// H34: what a loaded ledger owes is not sent before the fold has reached the stream's end as it was at the claim.

// folds runs the destination until what is published was folded, and stops it inside the windows of that.
func (w *world) folds(t *testing.T, o Options) {
	t.Helper()
	_, stop := w.run(o)
	time.Sleep(time.Second)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// catchesUp starts the destination with a source that hands out nothing from the next sequence on, and returns what lets it
// go on to a sequence; zero is all.
func (w *world) catchesUp(o Options, late uint64) (d *Destination, goOn func(uint64), stop func() error) {
	s := &fakeSource{world: w, late: late, ghost: 1} // the broker counts what it does not hand out
	o.Source = s
	d, stop = w.run(o)
	return d, func(to uint64) {
		w.mu.Lock()
		s.late = to
		w.wake()
		w.mu.Unlock()
	}, stop
}

// sentTo returns whether a contact was ever at SendGrid.
func (w *world) sentTo(email string) bool { return w.seen().contacts[email] != nil }

func TestWhoLeftWhileNobodyReadIsNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		w.folds(t, w.options())
		w.publish("a", "p1", "exited", "")
		w.publish("a", "p3", "entered", ada(3))
		d, goOn, stop := w.catchesUp(w.options(), 3)
		time.Sleep(time.Minute)
		if n := w.seen().requests["upsert"]; n != 0 {
			t.Fatalf("%d upserts were made before the stream was read", n)
		}
		if !d.Stats().CatchingUp {
			t.Fatal("it does not say that it is catching up")
		}
		goOn(0)
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(2, 3), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if w.sentTo("ada1@example.com") || d.Stats().CatchingUp {
			t.Fatalf("who had left was sent, or it catches up for ever: %+v", d.Stats())
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatIsFoldedAfterTheClaimDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		w.folds(t, w.options())
		w.publish("a", "p3", "entered", ada(3))
		w.publish("b", "p2", "entered", `{"email":"ada2@example.com","first_name":"Augusta"}`)
		w.publish("a", "p1", "exited", "")
		_, goOn, stop := w.catchesUp(w.options(), 5)
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(2, 3), w.list()); diff != "" {
			t.Fatal(diff)
		}
		goOn(0)
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(2, 3), w.list()); diff != "" || w.sentTo("ada1@example.com") {
			t.Fatal("who had left was sent", diff)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhoCameBackWhileNobodyReadIsNotRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish("a", "p1", "entered", ada(1))
		o := w.options()
		_, stop := w.run(o)
		time.Sleep(2 * time.Minute)
		w.publish("a", "p1", "exited", "")
		time.Sleep(time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.publish("b", "p1", "entered", ada(1))
		_, goOn, stop := w.catchesUp(w.options(), 3)
		time.Sleep(2 * time.Minute)
		goOn(0)
		time.Sleep(2 * time.Minute)
		if n := w.seen().requests["remove"]; n != 0 {
			t.Fatalf("%d removals of somebody who is in a segment", n)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhoWaitsAndWhatIsInDoubtWaitsForTheStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Cap = 1
		o.Policy.Horizon = time.Hour
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		w.lose = func(string) error { return context.DeadlineExceeded }
		w.fail = w.lose
		_, stop := w.run(o)
		time.Sleep(30 * time.Second) // p1 is in doubt, p2 waits
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		w.lose, w.fail, w.requests = nil, nil, map[string]int{}
		w.mu.Unlock()
		w.publish("a", "p1", "exited", "")
		w.publish("a", "p2", "exited", "")
		o = w.options()
		o.Policy.Cap, o.Policy.Horizon = 3, time.Hour
		d, goOn, stop := w.catchesUp(o, 3)
		time.Sleep(5 * time.Minute)
		if st := d.Stats(); st.InDoubt != 1 || st.Waiting != 1 || w.seen().requests["upsert"] != 0 {
			t.Fatalf("%d upserts: %+v", w.seen().requests["upsert"], st)
		}
		goOn(0)
		time.Sleep(2 * time.Hour)
		if got := w.list(); len(got) > 0 || w.seen().requests["upsert"] != 0 {
			t.Fatalf("listed: %v, upserts %d", got, w.seen().requests["upsert"])
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// A removal that the guard held and an operator approves while the destination catches up waits for who came back.
func TestAnApprovalWhileCatchingUpRemovesNobodyWhoCameBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Guard.MinRemovals, o.Policy.Guard.MaxShare = 1, 0.01
		for n := 1; n <= 3; n++ {
			w.publish("a", fmt.Sprintf("p%d", n), "entered", ada(n))
		}
		d, stop := w.run(o)
		time.Sleep(2 * time.Minute)
		for n := 1; n <= 3; n++ {
			w.publish("a", fmt.Sprintf("p%d", n), "exited", "")
		}
		time.Sleep(3 * time.Minute)
		if d.Stats().Held != 2 {
			t.Fatalf("held: %+v", d.Stats())
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		listed := w.list()
		for n := 1; n <= 3; n++ {
			w.publish("b", fmt.Sprintf("p%d", n), "entered", ada(n))
		}
		before := w.seen().requests["remove"]
		d, goOn, stop := w.catchesUp(o, 7)
		time.Sleep(time.Minute)
		if err := d.Do(t.Context(), record.Command{Name: "approve"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if diff := cmp.Diff(listed, w.list()); diff != "" || w.seen().requests["remove"] != before {
			t.Fatal("somebody who came back was removed", diff)
		}
		goOn(0)
		time.Sleep(5 * time.Minute)
		if diff := cmp.Diff(emails(1, 2, 3), w.list()); diff != "" || w.seen().requests["remove"] != before {
			t.Fatal(diff)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}
