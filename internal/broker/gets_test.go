package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// A range that is read by get requests is the one that a consumer reads, whether the stream allows direct gets or its leader answers
// one by one; and nobody has to be allowed to make a consumer for it.
func TestARangeIsTheSameByGetsAsByAConsumer(t *testing.T) {
	for _, direct := range []bool{true, false} {
		t.Run(fmt.Sprintf("direct %t", direct), func(t *testing.T) {
			embedded := testkit.StartBroker(t)
			c := testkit.Connect(t, embedded)
			if _, err := c.JS.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"a.>", "segments.>"}, AllowDirect: direct}); err != nil {
				t.Fatal(err)
			}
			const messages = 700
			for i := range messages {
				m := nats.NewMsg([]string{"a.x", "a.y", "segments.erased.p"}[i%3])
				m.Data = fmt.Append(nil, i)
				if i%2 == 0 {
					m.Header.Set("Own", fmt.Sprint(i))
					m.Header.Set("Nats-Sequence", "7") // what looks like the broker's is the publisher's where the broker's stands behind it
				}
				if _, err := c.JS.PublishMsgAsync(m); err != nil {
					t.Fatal(err)
				}
			}
			<-c.JS.PublishAsyncComplete()
			stream, err := c.JS.Stream(t.Context(), "S")
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.DeleteMsg(t.Context(), 5); err != nil {
				t.Fatal(err)
			}
			looker, err := broker.Connect(t.Context(), broker.Options{URL: embedded.ClientURL(), Gets: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(looker.Close)
			var middle time.Time
			for name, r := range map[string]broker.Range{
				"everything":     {Stream: "S"},
				"a part":         {Stream: "S", From: 4, To: 690},
				"a subject":      {Stream: "S", Filters: []string{"a.x"}},
				"two subjects":   {Stream: "S", Filters: []string{"a.x", "segments.>"}},
				"headers":        {Stream: "S", HeadersOnly: true, To: 20},
				"beyond the end": {Stream: "S", From: messages + 1},
				"nothing there":  {Stream: "S", Filters: []string{"a.z"}},
			} {
				want, got := inRange(t, c, r), inRange(t, looker, r)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-consumer +gets):\n%s", name, diff)
				}
				if name == "everything" {
					middle = want[len(want)/2].Time
				}
			}
			r := broker.Range{Stream: "S", Since: middle, Filters: []string{"a.*"}}
			if diff := cmp.Diff(inRange(t, c, r), inRange(t, looker, r)); diff != "" {
				t.Errorf("since a time (-consumer +gets):\n%s", diff)
			}
			s1, ok1, err1 := c.SequenceAfter(t.Context(), "S", middle)
			s2, ok2, err2 := looker.SequenceAfter(t.Context(), "S", middle)
			if s1 != s2 || ok1 != ok2 || err1 != nil || err2 != nil || s1 == 0 {
				t.Errorf("after a time: %d %t %v by a consumer, %d %t %v by gets", s1, ok1, err1, s2, ok2, err2)
			}
		})
	}
}

func inRange(t *testing.T, c *broker.Conn, r broker.Range) []broker.Message {
	t.Helper()
	var all []broker.Message
	err := c.ReadRange(t.Context(), r, func(m broker.Message) error {
		m.Pending = 0
		m.Time = m.Time.UTC()
		if len(m.Body) == 0 {
			m.Body = nil
		}
		if len(m.Header) == 0 {
			m.Header = nil
		}
		m.Header.Del("Nats-Msg-Size")
		if len(m.Header) == 0 {
			m.Header = nil
		}
		all = append(all, m)
		return nil
	})
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return all
}

// Whoever may not make a consumer reads all the same.
func TestReadersNeedNoRightToMakeConsumers(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{{Username: "all", Password: "p"}, {Username: "reader", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{"$JS.API.CONSUMER.>"}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	connect := func(name string) *broker.Conn {
		c, err := broker.Connect(t.Context(), broker.Options{URL: s.ClientURL(), User: &broker.User{Name: name, Password: "p"}, Gets: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	all, reader := connect("all"), connect("reader")
	if err := all.EnsureStreams(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := all.PublishReceipt(t.Context(), "d", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if got := inRange(t, reader, broker.Range{Stream: broker.ReceiptStream}); len(got) != 1 {
		t.Errorf("%d receipts", len(got))
	}
	if err := reader.NC.LastError(); err != nil {
		t.Errorf("the broker refused something: %v", err)
	}
}
