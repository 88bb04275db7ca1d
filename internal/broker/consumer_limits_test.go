package broker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// A stream whose limits of consumers are below what is asked for is read with what they allow: by the durable, by a reading of a
// part, and by a look for a time.
func TestAStreamWithLowLimitsOfConsumersIsReadWithinThem(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	if _, err := c.JS.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: broker.DefaultEventStream, Subjects: []string{"segments.membership.*.*", "segments.refreshed.*.*", "segments.erased.*"},
		MaxMsgsPerSubject: 1, ConsumerLimits: jetstream.StreamConsumerLimits{MaxAckPending: 100, InactiveThreshold: 5 * time.Second},
	}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	publish(t, c, 0, 500)
	s := open(t, c)
	for range 2 { // the second finds a consumer that is not quite as it asks for
		if err := s.Reset(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		for last := uint64(0); last < 500; {
			messages, err := s.Next(t.Context())
			if err != nil || messages[0].Sequence != last+1 {
				t.Fatalf("after event %d: %v", last, err)
			}
			last = messages[len(messages)-1].Sequence
			if err := s.Ack(t.Context(), last); err != nil { // else no more is sent
				t.Fatal(err)
			}
		}
	}
	n := 0
	if err := c.ReadRange(t.Context(), broker.Range{Stream: broker.DefaultEventStream, From: 1, To: 500}, func(broker.Message) error { n++; return nil }); err != nil || n != 500 {
		t.Errorf("%d events of a part, %v", n, err)
	}
	if sequence, there, err := c.SequenceAfter(t.Context(), broker.DefaultEventStream, began.Add(-time.Hour)); err != nil || !there || sequence != 1 {
		t.Errorf("event %d, %v, %v", sequence, there, err)
	}
}
