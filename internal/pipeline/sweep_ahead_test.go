package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// aheadWorld is a list of three, of whom the third has departed, and a refresh that is accepted while the second's newest event
// lies ahead of the fold: its row was replaced behind the stream's end as it was when the refresh was read.
func aheadWorld(t *testing.T) (w *world, s *fakeSource, stop func() error) {
	w = newWorld(t)
	s, stop = w.runHeld(w.options())
	w.crowd("a", 3)
	w.mu.Lock()
	s.ghost, s.late = 1, 4
	w.mu.Unlock()
	w.publish("a", "p1", "entered", ada(1)) // 4
	w.publish("a", "p2", "entered", ada(2)) // 5, replaced by 7
	w.refresh("a", 4, 2)                    // 6
	w.publish("a", "p2", "entered", ada(2)) // 7, replaced by 9
	w.publish("a", "p4", "entered", ada(4)) // 8
	s.goOn(7)
	time.Sleep(time.Second)
	w.publish("a", "p2", "entered", ada(2)) // 9
	return w, s, stop
}

func (w *world) wantRemovals(want int) {
	w.t.Helper()
	if got := w.seen().requests["remove"]; got != want {
		w.t.Fatalf("%d removals, want %d", got, want)
	}
}

// H5: whose newer event lies ahead is not removed and added again; who has departed leaves once the fold has passed the
// stream's end as it was when the sweep was accepted.
func TestH5_ASweepRemovesNobodyWhoseNewerEventLiesAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, stop := aheadWorld(t)
		s.goOn(9)
		time.Sleep(5 * time.Minute)
		if got := w.seen().receipts; len(got) == 0 {
			t.Fatal("the refresh is not judged")
		}
		w.wantRemovals(0)
		s.goOn(0)
		time.Sleep(5 * time.Minute)
		w.wantRemovals(1)
		if diff := cmp.Diff(emails(1, 2, 4), w.list()); diff != "" {
			t.Fatal(diff)
		}
		mustStop(t, stop)
	})
}

// H5: the event ahead may be replaced in its turn, behind that end.
func TestH5_ASweepWaitsForTheNewestOfTheEventsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, stop := aheadWorld(t)
		s.goOn(9)
		time.Sleep(time.Minute)
		w.publish("a", "p5", "entered", ada(5)) // 10
		w.publish("a", "p2", "entered", ada(2)) // 11
		s.goOn(11)
		time.Sleep(5 * time.Minute)
		w.wantRemovals(0)
		s.goOn(0)
		time.Sleep(5 * time.Minute)
		w.wantRemovals(1)
		if diff := cmp.Diff(emails(1, 2, 4, 5), w.list()); diff != "" {
			t.Fatal(diff)
		}
		mustStop(t, stop)
	})
}

// A broker has been known to count events that are not there: a look tells, and the departed leave.
func TestASweepDoesNotWaitForEventsThatAreNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, stop := w.runHeld(w.options())
		w.crowd("a", 3)
		w.mu.Lock()
		s.ghost = 1
		w.mu.Unlock()
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		w.refresh("a", 4, 2)
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(1, 2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		mustStop(t, stop)
	})
}

// A stream that is never read to its end holds no sweep back for ever.
func TestASweepIsNotHeldBackByAStreamThatIsNeverReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, stop := aheadWorld(t)
		s.goOn(9)
		time.Sleep(time.Minute)
		for range 3 * sweepLooks {
			w.publish("b", "p9", "entered", ada(9))
			w.publish("b", "p8", "entered", ada(8))
			w.mu.Lock()
			s.late = w.last
			w.wake()
			w.mu.Unlock()
			time.Sleep(time.Minute)
		}
		w.wantRemovals(1)
		mustStop(t, stop)
	})
}
