package publish

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
)

// limited starts a broker with limits that embedded ones do not have, and connects to it.
func limited(t *testing.T, o server.Options) *broker.Conn {
	t.Helper()
	o.Host, o.Port, o.JetStream, o.StoreDir, o.NoSigs, o.NoLog = "127.0.0.1", -1, true, t.TempDir(), true, true
	s, err := server.NewServer(&o)
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
	return c
}

// A row that is larger than the broker's messages is refused by its reason, and the rows around it are published.
func TestARowThatTheBrokersMessagesCannotHoldIsRefused(t *testing.T) {
	c := limited(t, server.Options{MaxPayload: 65536})
	makeStream(t, c, history)
	p := opened(t, c, Options{Source: "/engine"})
	large := row("seg", "large", 0)
	large.Attributes = []byte(`{"email":"large@example.com","note":"` + strings.Repeat("x", 65_100) + `"}`)
	var refused *RowError
	if err := p.Publish(t.Context(), large); !errors.As(err, &refused) || refused.Reason != segment.ReasonTooLarge || !strings.Contains(err.Error(), "max_payload is 65536") {
		t.Errorf("refused with %v", err)
	}
	large.Attributes = []byte(`{"email":"large@example.com","note":"` + strings.Repeat("x", 64_500) + `"}`)
	if err := p.Publish(t.Context(), large); err != nil {
		t.Errorf("one that has room is refused with %v", err)
	}
	if err := p.Publish(t.Context(), row("seg", "small", 0)); err != nil {
		t.Error(err)
	}
	if done, err := p.Flush(t.Context()); err != nil {
		t.Errorf("%+v: %v", done, err)
	}
	if n := len(contents(t, c)); n != 2 {
		t.Errorf("%d events are stored", n)
	}
}

// A ledger's entry is one message: a broker that takes smaller ones only is refused before any claim, with what helps.
func TestABrokerWhoseMessagesAreTooSmallForTheLedgerIsRefused(t *testing.T) {
	c := limited(t, server.Options{MaxPayload: 65536})
	if err := c.EnsureInternal(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	var unfit *broker.UnfitError
	if err := c.FitInternal(t.Context()); !errors.As(err, &unfit) || unfit.Setting != "max_payload" || !unfit.Ours() || unfit.Help == "" {
		t.Errorf("it is judged as %v", err)
	}
}
