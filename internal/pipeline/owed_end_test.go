package pipeline

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/broker"
)

// The stream's end is reached also where no event ever comes from there: it was purged, its last messages have other subjects,
// or the broker counts what is not there.
func TestAnEndWithoutEventsKeepsNothingWaiting(t *testing.T) {
	for name, c := range map[string]struct {
		ghost uint64
		gone  []string // subjects that are purged
	}{
		"purged":                     {gone: []string{"segments.membership.a.p2"}},
		"purged, and miscounted":     {gone: []string{"segments.membership.a.p2"}, ghost: 3},
		"miscounted behind an event": {ghost: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.publish("a", "p1", "entered", ada(1))
				w.folds(t, w.options())
				w.publish("a", "p2", "entered", ada(2))
				w.mu.Lock()
				w.last += 10
				w.events = slices.DeleteFunc(w.events, func(m broker.Message) bool { return slices.Contains(c.gone, m.Subject) })
				w.mu.Unlock()
				o := w.options()
				o.Source = &fakeSource{world: w, ghost: c.ghost}
				d, stop := w.run(o)
				time.Sleep(30 * time.Second)
				if d.Stats().CatchingUp || w.seen().requests["upsert"] == 0 {
					t.Fatalf("nothing was sent: %+v", d.Stats())
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A take-over without anything behind the cursor catches up with nothing: what is due goes at once.
func TestATakeOverAtTheStreamsEndSendsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish("a", "p1", "entered", ada(1))
		w.folds(t, w.options())
		time.Sleep(time.Minute)
		began := time.Now()
		d, stop := w.run(w.options())
		for w.seen().requests["upsert"] == 0 && time.Since(began) < time.Minute {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took > 300*time.Millisecond || d.Stats().CatchingUp {
			t.Fatalf("it took %v", took)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// An erasure waits for no stream's end, here or in a neighbour: a recheck is noted at once, and what it adds again waits for who
// left meanwhile.
func TestErasuresAndRechecksDoNotWaitForTheStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.history = true // who left can still be read as she was
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		_, stop := w.run(w.options())
		time.Sleep(2 * time.Minute)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.erase("p1")
		w.publish("a", "p2", "exited", "")
		d, goOn, stop := w.catchesUp(w.options(), 4)
		time.Sleep(2 * time.Minute)
		w.mu.Lock()
		delete(w.contacts, "ada2@example.com") // a neighbour erased the person
		upserts := w.requests["upsert"]
		w.mu.Unlock()
		if err := d.Recheck(t.Context(), []string{"ada2@example.com"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if w.sentTo("ada1@example.com") || w.seen().requests["delete"] == 0 {
			t.Fatal("the erasure waits")
		}
		if got := w.seen().requests["upsert"]; got != upserts {
			t.Fatal("who has left is added again")
		}
		goOn(0)
		time.Sleep(5 * time.Minute)
		if got := w.list(); len(got) > 0 {
			t.Fatalf("on the list: %s", strings.Join(got, " "))
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// A destination that only has to let go of what it has listed reads no stream, and waits for none.
func TestADestinationWithoutASourceCatchesUpWithNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish("a", "p1", "entered", ada(1))
		_, stop := w.run(w.options())
		time.Sleep(2 * time.Minute)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.publish("b", "p1", "entered", ada(1))
		o := w.options()
		o.Source, o.Binding.Segments = Idle{}, nil
		o.Policy.Guard.MinRemovals = 1 << 20
		_, stop = w.run(o)
		time.Sleep(5 * time.Minute)
		if got := w.list(); len(got) > 0 {
			t.Fatalf("still on the list: %v", got)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}
