package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// An account whose limits keep a stream of ours from being made: the look that makes none and the making say the same,
// with the limit and what helps.
func TestALimitOfTheAccountIsNamedAlikeByTheLookAndByTheMaking(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for name, c := range map[string]struct {
		limits func(*server.JetStreamAccountLimits)
		sizes  broker.Sizes
		says   []string
	}{
		"sizes are required": {
			limits: func(l *server.JetStreamAccountLimits) { l.MaxBytesRequired = true },
			says: []string{
				"stream ROLLCALL_LEDGER does not fit into the account's limits: max_bytes_required is true, and no size is set: set retention.ledger_max_bytes in the configuration, or make it: `nats stream add ROLLCALL_LEDGER --subjects=rollcall.ledger.> --storage=file --retention=limits --discard=new --max-bytes=SIZE --max-msgs-per-subject=-1 --allow-direct --defaults`",
				"stream OBJ_ROLLCALL_SNAPSHOTS", "`nats object add ROLLCALL_SNAPSHOTS --max-bucket-size=SIZE`", "stream SEGMENT_EVENTS", "retention.events_max_bytes", "--max-msgs-per-subject=1",
			},
		},
		"sizes are bounded": {
			limits: func(l *server.JetStreamAccountLimits) { l.StoreMaxStreamBytes = gib / 2 },
			sizes:  broker.Sizes{Ledger: gib}, says: []string{"stream ROLLCALL_LEDGER", "disk_max_stream_bytes is 536870912, and max_bytes would be 1073741824", "lower retention.ledger_max_bytes"},
		},
		"few streams": {
			limits: func(l *server.JetStreamAccountLimits) { l.MaxStreams = 5 },
			says:   []string{"stream SEGMENT_EVENTS", "max_streams is 5, and as many are there", "nats stream ls"},
		},
		"little storage": {
			limits: func(l *server.JetStreamAccountLimits) { l.MaxStore = gib },
			sizes:  broker.Sizes{Events: gib / 2, Ledger: gib * 3 / 4}, says: []string{"stream SEGMENT_EVENTS", "max_file is 1073741824 bytes, of which 805306368 are taken"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := testkit.Unlimited()
			c.limits(&limits)
			b := testkit.LimitedBroker(t, limits)
			conn := b.Connect()
			o := broker.TopologyOptions{MaxBytes: c.sizes, EventStreams: []string{broker.DefaultEventStream}}
			before, err := conn.Room(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if names, err := conn.StreamsOn(t.Context(), ">"); err != nil || len(names) != 0 {
				t.Errorf("the look made %v, %v", names, err)
			}
			made := conn.EnsureStreams(t.Context(), o)
			if _, limit := errors.AsType[*broker.LimitError](made); !limit {
				t.Fatalf("no limit is told: %v", made)
			}
			for _, part := range c.says {
				if !strings.Contains(made.Error(), part) {
					t.Errorf("%q does not say %q", made, part)
				}
			}
			after, err := conn.Room(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for what, found := range map[string][]*broker.LimitError{"before": before, "after": after} {
				if len(found) == 0 || len(found) != strings.Count(made.Error(), "does not fit") {
					t.Errorf("%s: %d limits, of %q", what, len(found), made)
				}
				for _, one := range found {
					if !strings.Contains(made.Error(), one.Error()) {
						t.Errorf("%s: %q, and the making says %q", what, one, made)
					}
				}
			}
			b.Set(testkit.Unlimited())
			if err := conn.EnsureStreams(t.Context(), o); err != nil {
				t.Errorf("without limits: %v", err)
			}
		})
	}
}

// Where an account wants a size of every stream, those that have one are made with it, and the leases with a small one.
func TestSizesThatAnAccountRequiresAreSet(t *testing.T) {
	t.Parallel()
	limits := testkit.Unlimited()
	limits.MaxBytesRequired, limits.MaxStore = true, 1<<30
	conn := testkit.LimitedBroker(t, limits).Connect()
	o := broker.TopologyOptions{MaxBytes: broker.Sizes{Events: 64 << 20, Ledger: 65 << 20, Snapshots: 66 << 20, DeadLetters: 67 << 20, Receipts: 68 << 20}}
	if found, err := conn.Room(t.Context(), o); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	if err := conn.EnsureStreams(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for stream, size := range map[string]int64{
		broker.DefaultEventStream: 64 << 20, broker.LedgerStream: 65 << 20, "OBJ_" + broker.SnapshotBucket: 66 << 20,
		broker.DeadLetterStream: 67 << 20, broker.ReceiptStream: 68 << 20, "KV_" + broker.LeaseBucket: 16 << 20,
	} {
		if cfg := settings(t, conn, stream); cfg.MaxBytes != size || cfg.Discard != jetstream.DiscardNew {
			t.Errorf("%s has max_bytes %d, discard %s", stream, cfg.MaxBytes, cfg.Discard)
		}
	}
	if err := conn.FitInternal(t.Context()); err != nil {
		t.Error(err)
	}
}

// An account that allows one consumer a stream: a second destination's is refused by name before any is made, and readings
// go on by gets.
func TestAnAccountWithFewConsumersIsNamedAndReadByGets(t *testing.T) {
	t.Parallel()
	limits := testkit.Unlimited()
	limits.MaxConsumers, limits.MaxAckPending = 1, 100
	conn := testkit.LimitedBroker(t, limits).Connect()
	if err := conn.EnsureStreams(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	publish(t, conn, 0, 500)
	if found := conn.RoomToRead(t.Context(), broker.DefaultEventStream, "d", "other"); len(found) != 1 || found["other"] == nil {
		t.Fatalf("%v", found)
	}
	s := open(t, conn)
	if err := s.Reset(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	const says = "stream SEGMENT_EVENTS does not fit into the account's limits: max_consumers is 1, and as many read the stream: raise it"
	found := conn.RoomToRead(t.Context(), broker.DefaultEventStream, "d", "other")
	second, err := conn.OpenSource(t.Context(), broker.SourceOptions{Stream: broker.DefaultEventStream, Destination: "other"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Stop)
	err = second.Reset(t.Context(), 1)
	if _, limit := errors.AsType[*broker.LimitError](err); !limit || !strings.Contains(err.Error(), says) || len(found) != 1 || !strings.Contains(err.Error(), found["other"].Error()) {
		t.Errorf("%v, and before %v", err, found)
	}
	n := 0
	if err := conn.ReadRange(t.Context(), broker.Range{Stream: broker.DefaultEventStream, From: 1, To: 500}, func(broker.Message) error { n++; return nil }); err != nil || n != 500 {
		t.Errorf("%d events of a part, %v", n, err)
	}
	if sequence, there, err := conn.SequenceAfter(t.Context(), broker.DefaultEventStream, began.Add(-time.Hour)); err != nil || sequence != 1 {
		t.Errorf("event %d, %v, %v", sequence, there, err)
	}
	for last := uint64(0); last < 500; { // within the account's limit of pending acknowledgements
		messages, err := s.Next(t.Context())
		if err != nil {
			t.Fatalf("after event %d: %v", last, err)
		}
		last = messages[len(messages)-1].Sequence
		if err := s.Ack(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
}
