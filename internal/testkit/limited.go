package testkit

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"rollcall/internal/broker"
)

// Limited is a broker whose clients share an account with limits.
type Limited struct {
	tb      testing.TB
	server  *server.Server
	account *server.Account
}

// LimitedBroker starts a broker with such an account. It is stopped at the test's end.
func LimitedBroker(tb testing.TB, limits server.JetStreamAccountLimits) *Limited {
	tb.Helper()
	account := server.NewAccount("TEAM")
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: tb.TempDir(), NoSigs: true, NoLog: true,
		Accounts: []*server.Account{account}, Users: []*server.User{{Username: "team", Account: account}}, NoAuthUser: "team",
	})
	if err != nil {
		tb.Fatalf("set up a broker with limits: %v", err)
	}
	go s.Start()
	tb.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		tb.Fatal("the broker with limits is not ready")
	}
	if account, err = s.LookupAccount("TEAM"); err != nil {
		tb.Fatal(err)
	}
	if err := account.EnableJetStream(map[string]server.JetStreamAccountLimits{"": limits}, nil); err != nil {
		tb.Fatalf("give the account its limits: %v", err)
	}
	return &Limited{tb: tb, server: s, account: account}
}

// Set changes the account's limits.
func (l *Limited) Set(limits server.JetStreamAccountLimits) {
	l.tb.Helper()
	if err := l.account.UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{"": limits}); err != nil {
		l.tb.Fatalf("change the account's limits: %v", err)
	}
}

// URL is where it listens.
func (l *Limited) URL() string { return l.server.ClientURL() }

// Connect connects to it. The connection is closed at the test's end.
func (l *Limited) Connect() *broker.Conn {
	l.tb.Helper()
	c, err := broker.Connect(l.tb.Context(), broker.Options{URL: l.URL(), Name: l.tb.Name()}, nil)
	if err != nil {
		l.tb.Fatalf("connect to the broker with limits: %v", err)
	}
	l.tb.Cleanup(c.Close)
	return c
}

// Unlimited are the limits of an account that has none.
func Unlimited() server.JetStreamAccountLimits {
	return server.JetStreamAccountLimits{MaxMemory: -1, MaxStore: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1}
}
