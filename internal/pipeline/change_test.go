package pipeline

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/broker"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/segment"
)

// refresh publishes the end of a segment's full publication.
func (w *world) refresh(segmentID string, first, count uint64) {
	w.mu.Lock()
	id := fmt.Sprint("refresh-", w.last+1)
	w.mu.Unlock()
	w.put(segment.RefreshedSubject(segmentID, first),
		segment.AppendRefreshed(nil, segment.Envelope{ID: id, Source: "/test"}, segmentID, first, count))
}

// crowd lets n profiles enter a segment and be listed.
func (w *world) crowd(segmentID string, n int) {
	for i := 1; i <= n; i++ {
		w.publish(segmentID, fmt.Sprintf("p%d", i), "entered", ada(i))
	}
	time.Sleep(2 * time.Minute)
}

func (w *world) wantListed(want int) {
	w.t.Helper()
	if got := len(w.list()); got != want {
		w.t.Fatalf("%d contacts are on the list, want %d", got, want)
	}
}

func mustStop(t *testing.T, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// H21: a segment that is added is filled from the stream; one taken away is forgotten, so that adding it again
// brings its members back.
func TestASegmentThatIsAddedIsFilledFromTheStreamEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		only := w.options()
		only.Binding.Segments = []string{"a"}
		_, stop := w.run(only)
		w.publish("a", "p1", "entered", ada(1))
		w.publish("b", "p2", "entered", ada(2))
		time.Sleep(2 * time.Minute)
		w.wantListed(1)
		mustStop(t, stop)
		for range 2 {
			_, stop = w.run(w.options())
			time.Sleep(2 * time.Minute)
			if diff := cmp.Diff(emails(1, 2), w.list()); diff != "" {
				t.Fatal(diff)
			}
			mustStop(t, stop)
			again := w.options()
			again.Binding.Segments = []string{"a"}
			_, stop = w.run(again)
			time.Sleep(5 * time.Minute)
			if diff := cmp.Diff(emails(1), w.list()); diff != "" {
				t.Fatal(diff)
			}
			mustStop(t, stop)
		}
	})
}

// A changed mapping sends again exactly the contacts that it changes, and clears nothing it does not name.
func TestAChangedMappingSendsAgainOnlyWhatItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		w.publish("a", "p1", "entered", `{"email":"ada1@example.com","first_name":"Ada","town":"Paris"}`)
		w.publish("a", "p2", "entered", `{"email":"ada2@example.com","first_name":"Bob"}`)
		time.Sleep(2 * time.Minute)
		mustStop(t, stop)
		o := w.options()
		o.Binding.Mapping = "changed"
		o.Mapping = mapping.Default()
		o.Mapping.Fields = append([]mapping.Field{{Name: "address_line_1", Attribute: "town"}}, o.Mapping.Fields...)
		d, stop := w.run(o)
		time.Sleep(2 * time.Minute)
		if got := w.seen().contacts["ada1@example.com"].fields["address_line_1"]; got != "Paris" {
			t.Fatalf("the new field holds %q", got)
		}
		if st := d.Stats(); st.Accepted[1] != 1 {
			t.Fatalf("%d contacts were sent again, want the one that changed", st.Accepted[1])
		}
		mustStop(t, stop)
	})
}

// H23: the removal of a whole segment above the guard waits for an operator, and leaves with the approval.
func TestASegmentTakenAwayAboveTheGuardIsHeldWholeUntilApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Guard.MinRemovals = 3
		_, stop := w.run(o)
		w.crowd("b", 10)
		mustStop(t, stop)
		o = w.options()
		o.Policy.Guard.MinRemovals = 3
		o.Binding.Segments = []string{"a"}
		d, stop := w.run(o)
		time.Sleep(3 * time.Hour)
		w.wantListed(10)
		if err := d.Do(context.Background(), record.Command{Name: "approve"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		w.wantListed(0)
		mustStop(t, stop)
	})
}

// H23: a sweep above the guard is held whole, time releases nothing, and a corrected refresh replaces it.
func TestASweepAboveTheGuardIsHeldUntilACorrectedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Guard.MinRemovals = 3
		_, stop := w.run(o)
		w.crowd("a", 10)
		w.publish("a", "p1", "entered", ada(1))
		w.refresh("a", w.last, 1) // cut off: nine members would go
		time.Sleep(3 * time.Hour)
		w.wantListed(10)
		first := w.last + 1
		for i := 1; i <= 8; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		w.refresh("a", first, 8)
		time.Sleep(10 * time.Minute)
		w.wantListed(8)
		mustStop(t, stop)
	})
}

// A refresh with too few members is a dead letter and changes nothing; one with count 0 is always held.
func TestARefusedRefreshIsADeadLetterAndAnEmptyOneIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		w.crowd("a", 3)
		w.refresh("a", w.last+1, 2)
		time.Sleep(time.Minute)
		if len(w.seen().letters) != 1 || w.seen().letters[0].Reason != "refresh_refused" {
			t.Fatalf("letters: %+v", w.seen().letters)
		}
		w.refresh("a", w.last+1, 0)
		time.Sleep(10 * time.Minute)
		w.wantListed(3)
		if err := d.Do(context.Background(), record.Command{Name: "approve"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		w.wantListed(0)
		mustStop(t, stop)
	})
}

// The old halves of moves are neither counted nor held by the guard (contract, Guard).
func TestTheOldHalvesOfMovesPassTheGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Guard.MinRemovals, o.Policy.Guard.MaxShare = 2, 0
		d, stop := w.run(o)
		w.crowd("a", 8)
		for i := 1; i <= 8; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(100+i))
		}
		time.Sleep(10 * time.Minute)
		want := emails(101, 102, 103, 104, 105, 106, 107, 108)
		if diff := cmp.Diff(want, w.list()); diff != "" {
			t.Fatal(diff)
		}
		for i := 1; i <= 8; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
		}
		time.Sleep(10 * time.Minute)
		w.wantListed(6)
		if st := d.Stats(); st.Held != 6 {
			t.Fatalf("%d are held, want the 6 above the guard", st.Held)
		}
		mustStop(t, stop)
	})
}

// counted counts how often parts of the stream are read.
type counted struct {
	Stream
	reads int
}

func (c *counted) ReadRange(ctx context.Context, r broker.Range, visit func(broker.Message) error) error {
	c.reads++
	return c.Stream.ReadRange(ctx, r, visit)
}

// A part of a back-fill is read once, and not again while its entry is on its way.
func TestEachPartOfABackFillIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Binding.Segments = []string{"a"}
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		w.publish("b", "p2", "entered", ada(2))
		time.Sleep(2 * time.Minute)
		mustStop(t, stop)
		o = w.options()
		stream := &counted{Stream: o.Stream}
		o.Stream = stream
		_, stop = w.run(o)
		time.Sleep(2 * time.Minute)
		mustStop(t, stop)
		w.wantListed(2)
		if stream.reads != 1 {
			t.Errorf("the stream was read %d times for a back-fill of one part", stream.reads)
		}
	})
}
