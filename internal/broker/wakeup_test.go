package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// No wake-up is lost between a pull that ends and the next one, as it was in the client's own consuming over a connection
// within one process: whatever comes one by one or in bursts, no event waits for a heartbeat.
func TestNoEventWaitsForALostWakeUp(t *testing.T) {
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
	first, stalls := 0, 0
	for _, n := range bursts {
		done := make(chan published, 1)
		go func() { done <- burst(t.Context(), c, first, n) }()
		for came := 0; came < n; {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			msgs, err := s.Next(ctx)
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
		if time.Since(p.at) > 2*time.Second { // a lost wake-up costs two heartbeats and more
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
