package broker_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// H38: whatever headers an event carries, those that look like the broker's own included, it is read again as it was
// first delivered, and so are its neighbours: by direct gets, and from the stream's leader.
func TestAnEventWithTheBrokersHeadersIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, direct := range map[string]bool{"direct gets": true, "the leader": false} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Broker(t)
			if cfg := settings(t, c, broker.DefaultEventStream); cfg.AllowDirect != direct {
				cfg.AllowDirect = direct
				if _, err := c.JS.UpdateStream(t.Context(), cfg); err != nil {
					t.Fatal(err)
				}
			}
			sequences := publishWithHeaders(t, c)
			want := map[uint64]broker.Message{}
			whole := broker.Range{Stream: broker.DefaultEventStream, From: 1}
			if err := c.ReadRange(t.Context(), whole, func(m broker.Message) error {
				want[m.Sequence] = m
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			got, err := c.ReadSequences(t.Context(), broker.DefaultEventStream, sequences)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(sequences) || len(want) != len(sequences) {
				t.Fatalf("%d of %d events were read again, %d were delivered", len(got), len(sequences), len(want))
			}
			for _, m := range got {
				wantSameEvent(t, m, want[m.Sequence])
			}
		})
	}
}

// publishWithHeaders publishes an event for each header that looks like one of the broker's, and one without any.
func publishWithHeaders(t *testing.T, c *broker.Conn) (sequences []uint64) {
	t.Helper()
	for i, h := range []nats.Header{
		nil,
		{"Status": {"503"}},
		{"Status": {"408"}, "Description": {"a shop's own"}},
		{"Status": {"409"}},
		{"Status": {"404"}},
		{"Status": {"200"}},
		{"Nats-Time-Stamp": {"yesterday"}},
		{"Nats-Sequence": {"1"}, "Nats-Subject": {"elsewhere"}, "Nats-Stream": {"ELSEWHERE"}},
		{"Nats-Sequence": {"twelve"}},
		{"Nats-Num-Pending": {"5"}, "Nats-Last-Sequence": {"7"}},
		{"ce-id": {"7"}, "Content-Type": {"application/json"}},
	} {
		ack, err := c.JS.PublishMsg(t.Context(), &nats.Msg{
			Subject: fmt.Sprintf("segments.membership.s.p%d", i), Header: h, Data: fmt.Appendf(nil, `{"n":%d}`, i),
		})
		if err != nil {
			t.Fatal(err)
		}
		sequences = append(sequences, ack.Sequence)
	}
	return append(sequences, publishRaw(t, c))
}

// publishRaw stores an event whose header lines no client can read: the client library hands it out without headers.
func publishRaw(t *testing.T, c *broker.Conn) (sequence uint64) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.NC.ConnectedUrl(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	header, body := "NATS/1.0\r\nno colon\r\n\r\n", `{"n":"raw"}`
	if _, err := fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true}\r\nHPUB segments.membership.s.raw %d %d\r\n%s%s\r\n",
		len(header), len(header)+len(body), header, body); err != nil {
		t.Fatal(err)
	}
	stream, err := c.JS.Stream(t.Context(), broker.DefaultEventStream)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("segments.membership.s.raw"))
		if err != nil {
			t.Fatal(err)
		}
		if len(info.State.Subjects) > 0 {
			return info.State.LastSeq
		}
	}
	t.Fatal("the broker did not store the event")
	return 0
}

func wantSameEvent(t *testing.T, got, want broker.Message) {
	t.Helper()
	if got.Subject != want.Subject || string(got.Body) != string(want.Body) || !got.Time.Equal(want.Time) {
		t.Errorf("event %d is %s %s of %v, it was delivered as %s %s of %v",
			got.Sequence, got.Subject, got.Body, got.Time, want.Subject, want.Body, want.Time)
	}
	if len(got.Header) != len(want.Header) {
		t.Errorf("event %d has the headers %v, it was delivered with %v", got.Sequence, got.Header, want.Header)
	}
	for key, values := range want.Header {
		if !slices.Equal(got.Header[key], values) {
			t.Errorf("event %d has %s %v, it was delivered with %v", got.Sequence, key, got.Header[key], values)
		}
	}
}
