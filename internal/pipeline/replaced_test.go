package pipeline

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/broker"
)

// goOn lets a held source hand out events below a sequence; zero is all.
func (s *fakeSource) goOn(below uint64) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.late = below
	s.world.wake()
}

// H24: the event that replaced one is replaced in its turn, behind the stream's end as it was when the first was missed. The
// fold passes that end, and the newest one still lies ahead.
func TestH24_AContactWaitsForTheNewestOfTheEventsThatReplacedItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, stop := replacedWorld(t)
		w.publish("a", "p3", "exited", "")
		w.publish("a", "p2", "entered", `{"email":"ada2@example.com","first_name":"Newest"}`)
		s.goOn(6)
		time.Sleep(10 * time.Minute)
		if got := w.list(); len(got) != 0 {
			t.Errorf("%v was sent before its newest event came", got)
		}
		s.goOn(0)
		time.Sleep(5 * time.Minute)
		if diff := cmp.Diff(emails(2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if got := w.seen().contacts["ada2@example.com"].fields["first_name"]; got != "Newest" {
			t.Fatalf("first_name is %q", got)
		}
		mustStop(t, stop)
	})
}

// H24: where no event of the profile lies ahead nothing is waited for, however many of others do.
func TestAContactWhoseEventsAreGoneWaitsForNoEventsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, stop := replacedWorld(t)
		w.publish("a", "p3", "entered", ada(3))
		w.mu.Lock()
		w.events = slices.DeleteFunc(w.events, func(m broker.Message) bool { return m.Sequence == 4 })
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if diff := cmp.Diff(emails(2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		mustStop(t, stop)
	})
}
