package broker_test

import (
	"slices"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// What is done to our streams and durables by hand is told as it happens; what concerns nobody is not.
func TestTheBrokerTellsWhatIsDoneToStreamsAndConsumers(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	told := make(chan broker.Advisory, 100)
	stop, err := c.Advisories(append(broker.InternalStreams(), broker.DefaultEventStream), []string{"d"}, func(a broker.Advisory) { told <- a })
	if err != nil {
		t.Fatal(err)
	}
	for _, destination := range []string{"d", "unknown"} { // the second is none of ours
		s, err := c.OpenSource(t.Context(), broker.SourceOptions{Stream: broker.DefaultEventStream, Destination: destination})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Reset(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		s.Stop()
		if err := c.DeleteConsumer(t.Context(), broker.DefaultEventStream, destination); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := c.JS.Stream(t.Context(), broker.ReceiptStream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.Description = "changed by hand"
	if _, err := c.JS.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if err := c.JS.DeleteStream(t.Context(), broker.DefaultEventStream); err != nil {
		t.Fatal(err)
	}
	want := []broker.Advisory{
		{Kind: "consumer_deleted", Stream: broker.DefaultEventStream, Consumer: broker.DurableName("d")},
		{Kind: "stream_updated", Stream: broker.ReceiptStream},
		{Kind: "stream_deleted", Stream: broker.DefaultEventStream},
	}
	for range want {
		select {
		case a := <-told:
			if at := slices.Index(want, a); at < 0 {
				t.Errorf("it tells %+v", a)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it tells nothing any more")
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
