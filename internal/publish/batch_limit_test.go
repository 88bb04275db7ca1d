package publish

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// A broker whose limit of a batch is lower than the default one takes everything all the same, in smaller batches, in order.
func TestABrokerThatTakesSmallBatchesGetsSmallOnes(t *testing.T) {
	c := limited(t, server.Options{JetStreamLimits: server.JSLimitOpts{MaxBatchSize: 100}})
	makeStream(t, c, history)
	p := opened(t, c, Options{Source: "/engine", Window: 4000})
	const profiles, times = 1500, 2
	for n := range times {
		for i := range profiles {
			if err := p.Publish(t.Context(), row("seg", fmt.Sprintf("p-%d", i), n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if size := p.size.Load(); size > 100 || size < 50 {
		t.Errorf("batches of %d events, the broker takes 100", size)
	}
	checkOrder(t, contents(t, c), profiles, times, false)
}
