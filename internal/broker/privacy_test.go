package broker_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// lines is a log that a test reads while it is written.
type lines struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *lines) text() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.out.Bytes())
}

func (l *lines) logger() *zap.Logger {
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(l), zap.DebugLevel))
}

// I12: the broker names the subject that it refuses, and that ends in a profile's key.
func TestARefusalOfTheBrokerIsLoggedWithoutThePerson(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		Users: []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{"rollcall.dead.>", "segments.>"}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	for _, subject := range []string{
		"rollcall.dead.newsletter.p-1815", "segments.membership.vip.p-1815", "segments.erased.ada-lovelace",
	} {
		var log lines
		conn, err := broker.Connect(t.Context(), broker.Options{URL: s.ClientURL(), User: &broker.User{Name: "u", Password: "p"}}, log.logger())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.NC.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		for wait := time.Now().Add(10 * time.Second); !bytes.Contains(log.text(), []byte("ermissions")); time.Sleep(time.Millisecond) {
			if time.Now().After(wait) {
				t.Fatalf("the refusal of %s is not logged: %s", subject, log.text())
			}
		}
		conn.Close()
		testkit.Unnamed(t, log.text(), "p-1815", "ada-lovelace")
	}
}

// The embedded broker's own lines are a way out as well.
func TestTheEmbeddedBrokersLinesNameNobody(t *testing.T) {
	var log lines
	b, err := broker.StartEmbedded(broker.EmbeddedOptions{StoreDir: t.TempDir(), Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	b.Stop()
	if !bytes.Contains(log.text(), []byte("logger")) {
		t.Fatal("the broker says nothing: this test holds nothing")
	}
	broker.Say(log.logger(), "Subscription of ada@example.com to segments.membership.vip.p-1815 refused")
	if !bytes.Contains(log.text(), []byte("refused")) {
		t.Error("what it says is not logged")
	}
	testkit.Unnamed(t, log.text(), "ada@example.com", "p-1815")
}
