package broker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// No wake-up is lost between a pull that ends and the next one, as it was in the client's own consuming over a connection
// within one process: whatever comes one by one or in bursts, no event waits for a heartbeat.
func TestNoEventWaitsForALostWakeUp(t *testing.T) {
	t.Parallel()
	e := testkit.StartBroker(t)
	c, err := broker.Connect(t.Context(), broker.Options{Embedded: e}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.EnsureStreams(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	s := open(t, c)
	if err := s.Reset(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	bursts := []int{1, 2, 7, 64, 255, 256, 257, 1000, 8191, 8192, 8193, 1, 1, 20_000, 1, 3}
	if testing.Short() {
		bursts = bursts[:9]
	}
	busy := watchBroker(t, testkit.Connect(t, e))
	first, stalls := 0, 0
	for _, n := range bursts {
		done := make(chan published, 1)
		go func() { done <- burst(t.Context(), c, first, n) }()
		busy.Store(0)
		for came := 0; came < n; {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			msgs, err := s.Next(ctx)
			if errors.Is(err, broker.ErrConsumerMoved) { // it heard nothing for a while, on a machine that is busy
				err = s.Reset(ctx, uint64(first+came)+1)
			}
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			came += len(msgs)
		}
		p := <-done
		if p.err != nil {
			t.Fatal(p.err)
		}
		if time.Since(p.at) > 2*time.Second && busy.Load() < int64(500*time.Millisecond) { // a lost wake-up costs two heartbeats and more
			stalls++
		}
		first += n
		if err := s.Ack(t.Context(), uint64(first)); err != nil {
			t.Fatal(err)
		}
	}
	if stalls > 0 {
		t.Errorf("events waited %d times", stalls)
	}
}

// watchBroker keeps the longest that the broker took to answer: where it or the machine is busy, events may be late.
func watchBroker(t *testing.T, c *broker.Conn) *atomic.Int64 {
	t.Helper()
	var most atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			took, err := c.NC.RTT()
			if err != nil {
				took = time.Minute
			}
			most.Store(max(most.Load(), int64(took)))
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() { stop(); watching.Wait() })
	return &most
}

// published is when the broker had a whole burst.
type published struct {
	at  time.Time
	err error
}

// burst publishes n events of distinct profiles, a thousand at a time.
func burst(ctx context.Context, c *broker.Conn, from, n int) published {
	for i := from; i < from+n; i++ {
		if _, err := c.JS.PublishAsync(fmt.Sprintf("segments.membership.s.p%d", i), []byte("{}")); err != nil {
			return published{err: err}
		}
		if i%1000 == 0 || i == from+n-1 {
			select {
			case <-c.JS.PublishAsyncComplete():
			case <-ctx.Done():
				return published{err: ctx.Err()}
			}
		}
	}
	return published{at: time.Now()}
}
