package app

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/desk/check"
)

// A stream of our own that refuses what is new and is nearly full shows in the metric, in the answer to status with what
// helps, and in check; not any more once it has room.
func TestAStreamThatIsNearlyFullShows(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	g.edit(broker.LedgerStream, func(cfg *jetstream.StreamConfig) { cfg.MaxBytes, cfg.Discard = 64<<10, jetstream.DiscardNew })
	if _, err := g.conn.JS.Publish(t.Context(), "rollcall.ledger.elsewhere", make([]byte, 60_000)); err != nil {
		t.Fatal(err)
	}
	cfg := g.file(nil, "d0")
	checked := func() (n int) {
		found := &check.Findings{}
		check.Broker(t.Context(), found, cfg, g.conn)
		for _, one := range found.All {
			if one.What == "stream "+broker.LedgerStream && one.Check == "room" && one.Verdict == check.Warning && one.Help != "" {
				n++
			}
		}
		return n
	}
	a := g.start("a", cfg)
	eventually(t, "the metric shows it", func() bool { return a.metric(t, "rollcall_stream_used_ratio", "stream", broker.LedgerStream) >= 0.9 })
	r, _ := a.runner("d0")
	answer := r.answer(r.stats())
	if len(answer.NearlyFull) != 1 || answer.NearlyFull[0].Stream != broker.LedgerStream || answer.NearlyFull[0].Limit != 64<<10 {
		t.Errorf("status: %+v", answer.NearlyFull)
	}
	if n := checked(); n != 1 {
		t.Errorf("check says it %d times", n)
	}
	if share := a.metric(t, "rollcall_stream_used_ratio", "stream", broker.ReceiptStream); share != -1 {
		t.Errorf("a stream without a limit shows %v", share)
	}
	g.edit(broker.LedgerStream, func(cfg *jetstream.StreamConfig) { cfg.MaxBytes = 64 << 20 })
	if n := checked(); n != 0 {
		t.Errorf("check says it %d times of one with room", n)
	}
}

// What the file says of sizes is what the streams get that `run` makes.
func TestRunMakesStreamsOfTheConfiguredSizes(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.start("a", g.file(func(text string) string {
		return "retention: {events_max_bytes: 100000000, receipts_max_bytes: 50000000}\n" + text
	}, "d0"))
	for stream, size := range map[string]int64{broker.DefaultEventStream: 100_000_000, broker.ReceiptStream: 50_000_000, broker.LedgerStream: -1} {
		s, err := a.conn.JS.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if cfg := s.CachedInfo().Config; cfg.MaxBytes != size || size > 0 && cfg.Discard != jetstream.DiscardNew {
			t.Errorf("%s has max_bytes %d, discard %s", stream, cfg.MaxBytes, cfg.Discard)
		}
	}
}
