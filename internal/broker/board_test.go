package broker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A server that its peers can't hear answers pings and no request: nothing else makes its clients leave it. One without JetStream is like it.
func TestAReplicaLeavesAServerThatTakesNothing(t *testing.T) {
	t.Parallel()
	alone, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	alone.Start()
	t.Cleanup(func() { alone.Shutdown(); alone.WaitForShutdown() })
	if !alone.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server without JetStream does not start")
	}
	e, err := StartEmbedded(EmbeddedOptions{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	first, err := Connect(t.Context(), Options{URL: e.ClientURL()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Close)
	if err := first.EnsureStreams(t.Context(), TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := Connect(t.Context(), Options{URL: alone.ClientURL()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.NC.SetServerPool([]string{alone.ClientURL(), e.ClientURL()}); err != nil {
		t.Fatal(err)
	}

	b := c.NewBoard(BoardOptions{Self: Presence{Replica: "r"}})
	b.patience = 300 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.Run(ctx) }()
	defer func() { stop(); <-ended }()
	for limit := time.After(20 * time.Second); ; {
		view, next := b.View()
		if len(view.Replicas) == 1 {
			break
		}
		select {
		case <-next:
		case <-limit:
			t.Fatalf("after 20 s the replica is still at %s and not on the board", c.NC.ConnectedUrl())
		}
	}
	if got := c.NC.ConnectedUrl(); !strings.HasPrefix(got, e.ClientURL()) {
		t.Errorf("connected to %s, want %s", got, e.ClientURL())
	}
}
