package pipeline

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// slowly is a stream whose ranges are read an event at a time, each taking a while.
type slowly struct {
	Stream
	each time.Duration
}

func (s slowly) ReadRange(ctx context.Context, r broker.Range, visit func(broker.Message) error) error {
	time.Sleep(s.each)
	seen := 0
	return s.Stream.ReadRange(ctx, r, func(m broker.Message) error {
		if seen++; seen > 1 {
			return errEnough
		}
		return visit(m)
	})
}

// A replay chooses its own profiles, whatever one before it had chosen that was cancelled in the middle, and folds
// nothing that was read for the other.
func TestAReplayAfterACancelledOneChoosesItsOwnProfiles(t *testing.T) {
	for name, wait := range map[string]time.Duration{"between two parts": 2500 * time.Millisecond, "while a part is read": 3200 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				o := w.options()
				_, stop := w.run(o)
				for i := 1; i <= 5; i++ {
					w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
				}
				time.Sleep(3 * time.Minute)
				mustStop(t, stop)
				o = w.options()
				o.Stream = slowly{w, time.Second}
				d, stop := w.run(o)
				time.Sleep(time.Second)
				if _, err := d.Replay(t.Context(), record.Command{}, record.Replay{Until: 2, Force: true}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(wait)
				if _, err := d.CancelReplay(t.Context(), record.Command{}); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Replay(t.Context(), record.Command{}, record.Replay{Until: 5, Force: true}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Minute)
				if at := w.replayState(d); at.State != state.ReplayDone || at.Folded != 5 || at.Touched != 5 {
					t.Errorf("the second replay ended as %+v", at)
				}
				mustStop(t, stop)
			})
		})
	}
}
