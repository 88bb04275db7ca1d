package broker_test

import (
	"errors"
	"testing"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// H16: somebody else draws the stream's last events. No later one comes to show the gap, so the idle source asks
// where its consumer stands, and reads them all the same.
func TestEventsThatSomebodyElseDrewComeAllTheSame(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	s := open(t, c)
	if err := s.Reset(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	publish(t, c, 0, 3)
	consumer, err := c.JS.Consumer(t.Context(), broker.DefaultEventStream, broker.DurableName("d"))
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := consumer.Fetch(3)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range drawn.Messages() {
		n++
	}
	if n != 3 {
		t.Fatalf("the other puller drew %d events, want all 3", n)
	}
	collect(t, s, 1, 3)
}

// A pull at a consumer that is gone is never answered again: the source notices and says so, until it is reset; then
// it makes the consumer anew, and goes on behind what it handed out.
func TestASourceOutlivesTheDeletionOfItsConsumer(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	publish(t, c, 0, 5)
	s := open(t, c)
	if err := s.Reset(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	collect(t, s, 1, 5)
	if err := c.JS.DeleteConsumer(t.Context(), broker.DefaultEventStream, broker.DurableName("d")); err != nil {
		t.Fatal(err)
	}
	publish(t, c, 5, 5)
	collect(t, s, 6, 5)
	if err := s.Ack(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if state, there, err := c.InspectConsumer(t.Context(), broker.DefaultEventStream, "d"); err != nil || !there || state.AckFloor != 10 {
		t.Errorf("the new consumer is %+v, %v, %v", state, there, err)
	}
}

// A stream takes its consumer with it: the source says so, and that the stream is gone when it is to be reset.
func TestASourceTellsThatItsStreamIsGone(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	publish(t, c, 0, 1)
	s := open(t, c)
	if err := s.Reset(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	collect(t, s, 1, 1)
	if err := c.JS.DeleteStream(t.Context(), broker.DefaultEventStream); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(t.Context()); !errors.Is(err, broker.ErrConsumerMoved) && !errors.Is(err, broker.ErrStreamMissing) {
		t.Errorf("Next says %v", err)
	}
	if err := s.Reset(t.Context(), 2); !errors.Is(err, broker.ErrStreamMissing) {
		t.Errorf("Reset says %v", err)
	}
}

// A lease that its holder renews stays; one that a holder gave back is free at once; one whose holder is gone ends.
func TestALeaseIsFreeWhenItIsGivenBackOrItsHolderIsGone(t *testing.T) {
	t.Parallel()
	e := testkit.StartBroker(t)
	a, b := testkit.Connect(t, e), testkit.Connect(t, e)
	if err := a.EnsureStreams(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	first := a.NewLease(broker.LeaseOptions{Destination: "d", Replica: "a", TTL: 1e9})
	second := b.NewLease(broker.LeaseOptions{Destination: "d", Replica: "b", TTL: 1e9})
	held, ours, err := first.Try(t.Context())
	if err != nil || !ours {
		t.Fatalf("the first replica gets %v, %v", ours, err)
	}
	if _, ours, err := second.Try(t.Context()); err != nil || ours {
		t.Fatalf("the second replica gets %v, %v while the first holds it", ours, err)
	}
	if err := first.Release(t.Context()); err != nil || held.Err() == nil {
		t.Fatalf("release: %v, and what ran under it was told: %v", err, held.Err())
	}
	if _, ours, err := second.Try(t.Context()); err != nil || !ours {
		t.Fatalf("the second replica gets %v, %v after the release", ours, err)
	}
	b.NC.Close() // a crash: nothing is said any more
	for {
		_, ours, err := first.Try(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if ours {
			break
		}
	}
	if err := first.Release(t.Context()); err != nil {
		t.Error(err)
	}
	_ = second.Release(t.Context()) // over a closed connection: ends its goroutine
}
