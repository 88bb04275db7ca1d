package broker_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"rollcall/internal/broker"
)

// A user may listen to the answers of one prefix alone: what Rollcall asks for arrives there, and what others ask for cannot be
// listened to.
func TestAnswersArriveOnSubjectsOfTheConfiguredPrefixAlone(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{{Username: "one", Password: "p", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_one.>"}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	c, err := broker.Connect(t.Context(), broker.Options{
		URL: s.ClientURL(), User: &broker.User{Name: "one", Password: "p"}, InboxPrefix: "_INBOX_one",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if inbox := c.NC.NewInbox(); !strings.HasPrefix(inbox, "_INBOX_one.") {
		t.Errorf("an inbox is %s", inbox)
	}
	if _, err := c.EnsureEventStream(t.Context(), broker.DefaultEventStream, 1); err != nil {
		t.Fatalf("requests, whose answers come to the prefix: %v", err)
	}
	if _, err := c.JS.Publish(t.Context(), "segments.erased.p", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	got, err := c.ReadSequences(t.Context(), broker.DefaultEventStream, []uint64{1})
	if err != nil || len(got) != 1 {
		t.Errorf("read again: %d events, %v", len(got), err)
	}
	read := 0
	err = c.ReadRange(t.Context(), broker.Range{Stream: broker.DefaultEventStream}, func(broker.Message) error { read++; return nil })
	if err != nil || read != 1 {
		t.Errorf("read in order: %d events, %v", read, err)
	}
	if err := c.NC.LastError(); err != nil {
		t.Errorf("the broker refused something: %v", err)
	}
	if _, err := c.NC.Subscribe("_INBOX.>", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := c.NC.Flush(); err != nil || c.NC.LastError() == nil {
		t.Errorf("others' answers can be listened to: %v", err)
	}
}
