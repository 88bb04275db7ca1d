package app

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
)

// H36, H46: one of Rollcall's own streams has a setting that loses what is written there, or that keeps leases alive. Nothing is
// claimed and nothing written, the reason is told, and it goes on by itself once the stream fits.
func TestAStreamOfOursThatDoesNotFitSuspendsBeforeAnyClaim(t *testing.T) {
	for name, c := range map[string]struct {
		stream     string
		spoil, fit func(*jetstream.StreamConfig)
	}{
		"a ledger that ages": {
			broker.LedgerStream, func(cfg *jetstream.StreamConfig) { cfg.MaxAge = time.Hour }, func(cfg *jetstream.StreamConfig) { cfg.MaxAge = 0 },
		},
		"leases with history": {
			"KV_" + broker.LeaseBucket, func(cfg *jetstream.StreamConfig) { cfg.MaxMsgsPerSubject = 5 }, func(cfg *jetstream.StreamConfig) { cfg.MaxMsgsPerSubject = 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t, "d0")
			g.edit(c.stream, c.spoil)
			a := g.start("a", g.file(nil, "d0"))
			eventually(t, "suspended", func() bool { st, _ := a.Stats("d0"); return st.Suspended == "ledger_stream_unfit" })
			if n := a.active(); n != 0 {
				t.Errorf("%d destinations are active", n)
			}
			ledger, err := g.conn.JS.Stream(t.Context(), broker.LedgerStream)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ledger.GetLastMsgForSubject(t.Context(), "rollcall.ledger.d0"); !errors.Is(err, jetstream.ErrMsgNotFound) {
				t.Errorf("it was claimed: %v", err)
			}
			if c.stream == broker.LedgerStream {
				if _, found, err := g.conn.FindInstallation(t.Context()); found || err != nil {
					t.Errorf("secrets were made in it: %v, %v", found, err)
				}
			}
			g.edit(c.stream, c.fit)
			eventually(t, "it runs", func() bool { return a.active() == 1 })
		})
	}
}

// edit changes a stream's settings as somebody with the broker's own tools would.
func (g *ground) edit(stream string, change func(*jetstream.StreamConfig)) {
	g.t.Helper()
	s, err := g.conn.JS.Stream(g.t.Context(), stream)
	if err != nil {
		g.t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	change(&cfg)
	if _, err := g.conn.JS.UpdateStream(g.t.Context(), cfg); err != nil {
		g.t.Fatal(err)
	}
}
