package app

import (
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/config"
)

// other makes the event stream of the destination that gets into trouble: its subjects are its own.
func (g *ground) other(perSubject int64) {
	g.t.Helper()
	_, err := g.conn.JS.CreateStream(g.t.Context(), jetstream.StreamConfig{
		Name: "OTHER", Mirror: &jetstream.StreamSource{Name: broker.DefaultEventStream}, MaxMsgsPerSubject: perSubject, AllowDirect: true,
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) unfit() {
	g.t.Helper()
	s, err := g.conn.JS.Stream(g.t.Context(), "OTHER")
	if err != nil {
		g.t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxAge = 1 << 40
	if _, err := g.conn.JS.UpdateStream(g.t.Context(), cfg); err != nil {
		g.t.Fatal(err)
	}
}

// snapshotWithoutJournal is what a deleted or older journal leaves behind.
func (g *ground) snapshotWithoutJournal(destination string) {
	g.t.Helper()
	objects, err := g.conn.JS.ObjectStore(g.t.Context(), broker.SnapshotBucket)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := objects.PutBytes(g.t.Context(), destination+".00000000000000999999.x", []byte("x")); err != nil {
		g.t.Fatal(err)
	}
}

// startWithout starts a replica; where the stream is to stay away it is taken away again, since a start makes it.
func (g *ground) startWithout(cfg *config.Config, gone bool) *replica {
	g.t.Helper()
	r := g.start("a", cfg)
	if gone {
		_ = g.conn.JS.DeleteStream(g.t.Context(), "OTHER") // made by the start where it could be
	}
	return r
}
