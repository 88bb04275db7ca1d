package pipeline

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// hanging is a SendGrid whose answers to upserts do not come before they are given up.
type hanging struct {
	*world
	cut int
}

func (h *hanging) Upsert(ctx context.Context, body []byte) (string, error) {
	job, err := h.world.Upsert(ctx, body)
	if err != nil {
		return job, err
	}
	<-ctx.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut++
	return "", ctx.Err()
}

// I10: a graceful stop with a request under way leaves at once where another replica waits, and that one takes the request up
// as in doubt; where nobody waits, the stop waits for the answer. Nothing is lost, nothing applied twice to another effect.
func TestAStopWaitsForAnswersOnlyWhereNobodyWaitsForIt(t *testing.T) {
	for _, c := range []struct {
		name      string
		successor func() bool
		most      time.Duration
	}{
		{"another replica waits", func() bool { return true }, handOver + 2*stopLook},
		{"nobody waits", func() bool { return false }, stopBound + 2*stopLook},
		{"nobody knows", nil, stopBound + 2*stopLook},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				o := w.options()
				slow := &hanging{world: w}
				o.Sender, o.Successor = slow, c.successor
				d, stop := w.run(o)
				w.publish("a", "p1", "entered", ada(1))
				time.Sleep(10 * time.Second) // the request is under way
				if st := d.Stats(); st.OnTheWay != 1 {
					t.Fatalf("%d contacts are on their way", st.OnTheWay)
				}
				began := time.Now()
				mustStop(t, stop)
				if took := time.Since(began); took > c.most || c.most > stopBound && took < stopBound {
					t.Errorf("it took %s, want %s at most", took, c.most)
				}
				next, stop := w.run(w.options())
				time.Sleep(time.Second)
				if st := next.Stats(); st.Slots != 1 || st.Listed != 0 {
					t.Errorf("the successor has %d slots and %d listed contacts, want the one that is in doubt", st.Slots, st.Listed)
				}
				time.Sleep(10 * time.Minute)
				w.wantListed(1)
				if st := next.Stats(); st.Listed != 1 || st.InDoubt+st.OnTheWay != 0 {
					t.Errorf("in the end %+v", st)
				}
				mustStop(t, stop)
			})
		})
	}
}
