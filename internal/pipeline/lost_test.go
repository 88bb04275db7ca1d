package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/broker"
	"rollcall/internal/ledger/record"
)

// H22: down for longer than the stream keeps events: the destination says which were lost, and removes nobody until
// each segment was refreshed.
func TestLostEventsHoldRemovalsUntilEachSegmentWasRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		w.crowd("a", 3)
		mustStop(t, stop)
		w.unkeyed = true
		w.publish("a", "p1", "exited", "") // aged out before it is read
		w.publish("a", "p2", "exited", "")
		w.mu.Lock()
		w.events = slices.DeleteFunc(w.events, func(m broker.Message) bool { return m.Sequence <= 4 })
		w.first = 5
		w.mu.Unlock()
		d, stop := w.run(w.options())
		time.Sleep(10 * time.Minute)
		w.wantListed(3)
		if st := d.Stats(); st.LostFrom != 4 || st.LostTo != 4 {
			t.Fatalf("lost %d to %d, want 4", st.LostFrom, st.LostTo)
		}
		first := w.last + 1
		w.publish("a", "p3", "entered", ada(3))
		w.refresh("a", first, 1)
		time.Sleep(10 * time.Minute)
		w.wantListed(3) // segment b was not refreshed yet
		w.publish("b", "p3", "entered", ada(3))
		w.refresh("b", w.last, 1)
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff(emails(3), w.list()); diff != "" {
			t.Fatal(diff)
		}
		mustStop(t, stop)
	})
}

// H22: a destination that runs and lags behind the age limit notices too: it ends its run, and the next claim says what was lost.
func TestEventsThatAgeOutBeforeARunningDestinationReadsThemAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.unkeyed = true
		o := w.options()
		s := &fakeSource{world: w}
		o.Source = s
		d := New(o)
		ended := make(chan error, 1)
		go func() { ended <- d.Run(context.Background()) }()
		w.crowd("a", 3)
		w.mu.Lock()
		s.late = w.last + 1
		w.mu.Unlock()
		for i := 1; i <= 3; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
		}
		w.mu.Lock()
		w.events = slices.DeleteFunc(w.events, func(m broker.Message) bool { return m.Sequence <= 5 })
		w.first, s.late = 6, 0
		w.wake()
		w.mu.Unlock()
		if err := <-ended; !errors.Is(err, ErrEventsLost) {
			t.Fatalf("the run ended with %v", err)
		}
		d, stop := w.run(w.options())
		time.Sleep(10 * time.Minute)
		w.wantListed(3)
		if st := d.Stats(); st.LostFrom != 4 || st.LostTo != 5 || st.Cursor != 6 {
			t.Fatalf("lost %d to %d at cursor %d, want 4 to 5 at 6", st.LostFrom, st.LostTo, st.Cursor)
		}
		mustStop(t, stop)
	})
}

// A gap that an erasure left in an unkeyed stream is no loss.
func TestAGapBehindTheStreamsFirstEventIsNoLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.unkeyed, w.first = true, 1
		_, stop := w.run(w.options())
		w.crowd("a", 2)
		w.mu.Lock()
		w.last += 2 // purged before they were read
		w.mu.Unlock()
		w.publish("a", "p1", "exited", "")
		time.Sleep(10 * time.Minute)
		w.wantListed(1)
		mustStop(t, stop)
	})
}

// H11: a stream that was made again is refused; after rebase it is read like a refresh of every segment, under the
// guard, and what it lacks leaves.
func TestARebasedStreamIsReadLikeARefreshOfEverySegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		w.crowd("a", 4)
		w.erase("p4")
		time.Sleep(10 * time.Minute)
		mustStop(t, stop)
		w.mu.Lock()
		w.events, w.last, w.created = nil, 0, time.Unix(2, 0)
		w.mu.Unlock()
		w.publish("a", "p2", "entered", `{"email":"ada2@example.com","first_name":"New"}`)
		w.publish("a", "p4", "entered", ada(4)) // a stale copy of an erased person
		w.publish("b", "p3", "entered", ada(3))
		if err := New(w.options()).Run(t.Context()); !isStreamChanged(err) {
			t.Fatalf("got %v, want stream_changed", err)
		}
		w.journal = append(w.journal, record.AppendRecord(record.NewEntry(nil), &record.Rebase{
			At: time.Now().UnixNano(), Stream: "S", StreamCreated: time.Unix(2, 0).UnixNano(), Last: w.last,
		}))
		d, stop := w.run(w.options())
		time.Sleep(20 * time.Minute)
		if diff := cmp.Diff(emails(2, 3), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if got := w.seen().contacts["ada2@example.com"].fields["first_name"]; got != "New" {
			t.Fatalf("first_name is %q", got)
		}
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(5 * time.Minute)
		if diff := cmp.Diff(emails(1, 2, 3), w.list()); diff != "" {
			t.Fatal(fmt.Sprintf("%+v", d.Stats()), diff)
		}
		mustStop(t, stop)
	})
}

// H11: the end of a rebased stream is believed from an event behind which nothing lies, or from a look at the stream: not
// from a number of the consumer's (the fake's is always zero), and not from the sequence of an event that is gone by then.
func TestTheEndOfARebasedStreamIsBelievedFromEventsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		left   []int // whose events the new stream holds, in their order; all 4 were listed
		gone   uint64
		killed bool // a replica is killed when it has read the first, and another goes on
	}{
		"all there":                {[]int{1, 2, 3}, 0, false},
		"read by two":              {[]int{1, 2, 3}, 0, true},
		"the last events are gone": {[]int{1, 2, 3}, 2, false},
		"gone, and read by two":    {[]int{1}, 2, true},
		"all are gone":             {nil, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				_, stop := w.run(w.options())
				w.crowd("a", 4)
				mustStop(t, stop)
				w.mu.Lock()
				w.events, w.last, w.created = nil, 0, time.Unix(2, 0)
				w.mu.Unlock()
				for _, n := range c.left {
					w.publish("a", fmt.Sprintf("p%d", n), "entered", ada(n))
				}
				w.last += c.gone
				w.journal = append(w.journal, record.AppendRecord(record.NewEntry(nil), &record.Rebase{
					At: time.Now().UnixNano(), Stream: "S", StreamCreated: time.Unix(2, 0).UnixNano(), Last: w.last,
				}))
				o := w.options()
				o.Source = &fakeSource{world: w, few: 1}
				_, stop = w.run(o)
				if c.killed {
					time.Sleep(500 * time.Millisecond)
					mustStop(t, stop)
					o = w.options()
					o.Source = &fakeSource{world: w, few: 1}
					_, stop = w.run(o)
				}
				time.Sleep(20 * time.Minute)
				if diff := cmp.Diff(emails(c.left...), w.list()); diff != "" {
					t.Error(diff)
				}
				if n := w.seen().requests["remove"]; n != 1 {
					t.Errorf("%d removals: who is on the new stream was let go of before it was read", n)
				}
				mustStop(t, stop)
			})
		})
	}
}
