package publish

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"rollcall/internal/broker"
)

// A broker whose limit of a batch is lower than the default one takes everything all the same, in smaller batches, in order.
func TestABrokerThatTakesSmallBatchesGetsSmallOnes(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		JetStreamLimits: server.JSLimitOpts{MaxBatchSize: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the broker is not ready")
	}
	c, err := broker.Connect(t.Context(), broker.Options{URL: s.ClientURL()}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
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
