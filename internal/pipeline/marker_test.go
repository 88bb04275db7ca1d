package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
)

// A marker that the broker leaves where it removed events is passed over and counted: no letter, and nothing changes.
func TestTheBrokersMarkersArePassedOverAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		w.mu.Lock()
		w.last++
		w.events = append(w.events, broker.Message{
			Subject: segment.MembershipSubject(true, "a", "p2"), Sequence: w.last, Time: time.Now(),
			Header: nats.Header{"Nats-Marker-Reason": {"MaxAge"}},
		})
		w.wake()
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		st := d.Stats()
		if n := len(w.seen().letters); n != 0 || st.Cursor != 2 || st.Kinds[segment.Unknown].Stale != 1 || len(w.list()) != 1 {
			t.Errorf("%d letters, cursor %d, %+v, %d on the list", n, st.Cursor, st.Kinds, len(w.list()))
		}
		mustStop(t, stop)
	})
}
