package broker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// publish puts n events of distinct profiles on the stream.
func publish(tb testing.TB, c *broker.Conn, from, n int) {
	tb.Helper()
	body := []byte(`{"specversion":"1.0"}`)
	for i := from; i < from+n; i++ {
		if _, err := c.JS.PublishAsync(fmt.Sprintf("segments.membership.s.p%d", i), body); err != nil {
			tb.Fatal(err)
		}
		if i%256 == 0 {
			<-c.JS.PublishAsyncComplete()
		}
	}
	<-c.JS.PublishAsyncComplete()
}

func open(tb testing.TB, c *broker.Conn) *broker.Source {
	tb.Helper()
	s, err := c.OpenSource(context.Background(), broker.SourceOptions{Stream: broker.DefaultEventStream, Destination: "d"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Stop)
	return s
}

// collect reads until n events came, and checks that their sequences follow each other from first.
func collect(tb testing.TB, s *broker.Source, first uint64, n int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for want := first; want < first+uint64(n); {
		msgs, err := s.Next(ctx)
		if errors.Is(err, broker.ErrConsumerMoved) { // whoever reads looks at the stream, and goes on behind what it has
			err = s.Reset(ctx, want)
		}
		if err != nil {
			tb.Fatalf("after sequence %d of %d: %v", want-1, first+uint64(n)-1, err)
		}
		for _, m := range msgs {
			if m.Sequence != want {
				tb.Fatalf("sequence %d came, want %d", m.Sequence, want)
			}
			want++
		}
	}
}

func TestSourceHandsOutEveryEventInOrderAndGoesOnFromACursor(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	publish(t, c, 0, 1000)
	s := open(t, c)
	ctx := context.Background()
	if err := s.Reset(ctx, 1); err != nil {
		t.Fatal(err)
	}
	collect(t, s, 1, 1000)
	if err := s.Ack(ctx, 600); err != nil {
		t.Fatal(err)
	}
	state, ok, err := c.InspectConsumer(ctx, broker.DefaultEventStream, "d")
	if err != nil || !ok || state.AckFloor != 600 {
		t.Fatalf("consumer is %+v, %v, %v; want an ack floor of 600", state, ok, err)
	}
	if err := s.Reset(ctx, 301); err != nil {
		t.Fatal(err)
	}
	collect(t, s, 301, 700)
}

// The client's own inbox for requests answers whoever asks alone with any message that comes there. Were
// events pulled to a subject under it, an event would be taken for the answer to an unrelated request.
func TestPulledEventsNeverAnswerOtherRequests(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	publish(t, c, 0, 20_000)
	s, err := c.OpenSource(t.Context(), broker.SourceOptions{Stream: broker.DefaultEventStream, Destination: "d"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if err := s.Reset(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() {
		for range 300 {
			if _, err := c.InspectStream(t.Context(), broker.DefaultEventStream); err != nil {
				asked <- err
				return
			}
		}
		asked <- nil
	}()
	for got := 0; got < 20_000; {
		messages, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got += len(messages)
	}
	if err := <-asked; err != nil {
		t.Errorf("a request got an event for its answer: %v", err)
	}
}
