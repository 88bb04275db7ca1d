package pipeline

import (
	"testing"
	"testing/synctest"
	"time"
)

// shortWorld is a list of three and a refresh of two, of whom one was seen; the broker counts one more event behind it.
func shortWorld(t *testing.T) (w *world, s *fakeSource, stop func() error) {
	w = newWorld(t)
	s, stop = w.runHeld(w.options())
	w.crowd("a", 3)
	w.mu.Lock()
	s.ghost = 1
	first := w.last + 1
	s.late = first + 2
	w.mu.Unlock()
	w.publish("a", "p1", "entered", ada(1))
	w.refresh("a", first, 2)
	time.Sleep(recount / 2)
	return w, s, stop
}

func (w *world) wantLetters(want int) {
	w.t.Helper()
	if got := w.seen().letters; len(got) != want {
		w.t.Fatalf("%d dead letters, want %d: %+v", len(got), want, got)
	}
}

// H5: a newer event has taken the place of a row that nobody has read, above the stream's end as it was when the refresh was
// read. The refresh is not refused before that event is folded, and whoever departed leaves.
func TestH5_ARefreshThatLacksMembersWaitsForTheEventsBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, stop := shortWorld(t)
		w.publish("a", "p2", "entered", ada(2))
		time.Sleep(10 * time.Minute)
		w.wantLetters(0)
		w.wantListed(3)
		w.mu.Lock()
		s.late, s.ghost = 0, 0
		w.wake()
		w.mu.Unlock()
		time.Sleep(10 * time.Minute)
		w.wantLetters(0)
		w.wantListed(2)
		mustStop(t, stop)
	})
}

// A refresh that lacks members is refused within seconds where the broker counts events that are not there.
func TestARefreshThatLacksMembersIsRefusedOnceALookFindsNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, stop := shortWorld(t)
		w.wantLetters(0)
		time.Sleep(4 * recount)
		w.wantLetters(1)
		w.wantListed(3)
		mustStop(t, stop)
	})
}
