package broker_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// The size of a stream that is ours follows the configuration, with discard new; without one, a limit that somebody set by
// hand stays. A stream of others keeps what it has.
func TestTheSizesOfOurStreamsFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	if _, err := c.JS.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHERS", Subjects: []string{"segments.membership.*"}}); err != nil {
		t.Fatal(err)
	}
	for _, sizes := range []broker.Sizes{
		{Events: 64 << 20, Ledger: 65 << 20, Snapshots: 66 << 20, DeadLetters: 67 << 20, Receipts: 68 << 20},
		{Events: 32 << 20, Ledger: 33 << 20, Snapshots: 34 << 20, DeadLetters: 35 << 20, Receipts: 36 << 20},
	} {
		for _, o := range []broker.TopologyOptions{{MaxBytes: sizes}, {}} {
			o.EventStreams = []string{broker.DefaultEventStream, "OTHERS"}
			if err := c.EnsureStreams(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			for stream, size := range map[string]int64{
				broker.DefaultEventStream: sizes.Events, broker.LedgerStream: sizes.Ledger, "OBJ_" + broker.SnapshotBucket: sizes.Snapshots,
				broker.DeadLetterStream: sizes.DeadLetters, broker.ReceiptStream: sizes.Receipts,
			} {
				if cfg := settings(t, c, stream); cfg.MaxBytes != size || cfg.Discard != jetstream.DiscardNew {
					t.Errorf("%s has max_bytes %d, discard %s", stream, cfg.MaxBytes, cfg.Discard)
				}
			}
			if cfg := settings(t, c, "OTHERS"); cfg.MaxBytes > 0 {
				t.Errorf("a stream of others got max_bytes %d", cfg.MaxBytes)
			}
		}
	}
}

// What refuses what is new at a limit is nearly full from nine tenths of the nearer limit on; what lets go of old messages
// never is.
func TestAStreamIsNearlyFullFromNineTenthsOfItsLimitOn(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	names := []string{"BYTES", "MESSAGES", "LETS_GO", "NO_LIMIT", "MISSING"}
	for i, cfg := range []jetstream.StreamConfig{
		{MaxBytes: 100_000, Discard: jetstream.DiscardNew, MaxMsgs: 100},
		{MaxMsgs: 10, Discard: jetstream.DiscardNew, MaxBytes: 1 << 30},
		{MaxMsgs: 10, Discard: jetstream.DiscardOld},
		{},
	} {
		cfg.Name, cfg.Subjects = names[i], []string{names[i]}
		if _, err := c.JS.CreateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	fill := func(stream string, n int) {
		t.Helper()
		for range n {
			if _, err := c.JS.Publish(t.Context(), stream, make([]byte, 10_000)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, stream := range names[:4] {
		fill(stream, 8)
	}
	fills := c.Fills(t.Context(), names)
	if len(fills) != 2 || fills[0].Setting != "max_bytes" || fills[0].Limit != 100_000 || fills[1].Setting != "max_msgs" || fills[1].Used != 8 {
		t.Errorf("%+v", fills)
	}
	if full := broker.Nearly(fills); len(full) != 0 {
		t.Errorf("at eight tenths: %+v", full)
	}
	for _, stream := range names[:4] {
		fill(stream, 1)
	}
	full := broker.Nearly(c.Fills(t.Context(), names))
	if len(full) != 2 || full[0].Share() < 0.9 || full[1].Used != 9 {
		t.Errorf("at nine tenths: %+v", full)
	}
	if help := full[1].Help(); !strings.Contains(help, "nats stream edit MESSAGES --max-msgs=") {
		t.Error(help)
	}
}
