package pipeline

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/broker"
)

// replacedWorld is a full list whose next in line was changed by an event that is not delivered yet, while the last one that was
// told of nothing behind it.
func replacedWorld(t *testing.T) (w *world, s *fakeSource, stop func() error) {
	w = newWorld(t)
	o := w.options()
	o.Policy.Cap = 1
	s, stop = w.runHeld(o)
	w.publish("a", "p1", "entered", ada(1))
	w.publish("a", "p2", "entered", ada(2))
	time.Sleep(2 * time.Minute)
	w.publish("a", "p1", "exited", "")
	time.Sleep(time.Second)
	w.mu.Lock()
	s.late = 4
	w.mu.Unlock()
	w.publish("a", "p2", "entered", `{"email":"ada2@example.com","first_name":"Changed"}`)
	time.Sleep(10 * time.Minute)
	return w, s, stop
}

// H24: what the last event said of those behind it is no answer about an event that came since.
func TestAContactIsNotSentWithItsEmailAloneWhileANewerEventLiesBehindTheCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, stop := replacedWorld(t)
		if got := w.list(); len(got) != 0 {
			t.Errorf("%v was sent before its event came", got)
		}
		w.mu.Lock()
		s.late = 0
		w.wake()
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if diff := cmp.Diff(emails(2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if got := w.seen().contacts["ada2@example.com"].fields["first_name"]; got != "Changed" {
			t.Fatalf("first_name is %q", got)
		}
		mustStop(t, stop)
	})
}

// H24: the newer event may be dropped before it comes; then nothing is waited for any more.
func TestAContactIsSentWithItsEmailAloneOnceItsEventsAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, stop := replacedWorld(t)
		w.mu.Lock()
		w.events = slices.DeleteFunc(w.events, func(m broker.Message) bool { return m.Sequence == 4 })
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if diff := cmp.Diff(emails(2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if got := w.seen().contacts["ada2@example.com"].fields; len(got) != 0 {
			t.Fatalf("fields: %v", got)
		}
		mustStop(t, stop)
	})
}
