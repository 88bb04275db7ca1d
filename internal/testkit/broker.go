package testkit

import (
	"context"
	"testing"
	"time"

	"rollcall/internal/broker"
)

// StartBroker starts an embedded broker over a temporary store, with fsync as in life, on a free loopback
// port. It is stopped at the test's end.
func StartBroker(tb testing.TB) *broker.Embedded {
	tb.Helper()
	e, err := broker.StartEmbedded(broker.EmbeddedOptions{StoreDir: tb.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		tb.Fatalf("start a broker: %v", err)
	}
	tb.Cleanup(e.Stop)
	return e
}

// Connect connects over TCP to the broker, as another process would. It is closed at the test's end.
func Connect(tb testing.TB, e *broker.Embedded) *broker.Conn {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := broker.Connect(ctx, broker.Options{URL: e.ClientURL(), Name: tb.Name()}, nil)
	if err != nil {
		tb.Fatalf("connect to the test's broker: %v", err)
	}
	tb.Cleanup(c.Close)
	return c
}

// Broker starts a broker, makes the streams of the contract and returns a connection.
func Broker(tb testing.TB) *broker.Conn {
	tb.Helper()
	c := Connect(tb, StartBroker(tb))
	if err := c.EnsureStreams(context.Background(), broker.TopologyOptions{}); err != nil {
		tb.Fatalf("make the streams: %v", err)
	}
	return c
}
