package app

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/testkit"
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

func skipSnapshot(io.Reader) error { return nil }

// cut takes a part out of a configuration.
func cut(text, part string) string { return strings.Replace(text, part, "", 1) }

func (g *ground) broker(listen string) {
	g.t.Helper()
	var err error
	if g.nats, err = broker.StartEmbedded(broker.EmbeddedOptions{StoreDir: g.store, Listen: listen}); err != nil {
		g.t.Fatal(err)
	}
}

// offline stops the broker, does something to the event stream's directory, and starts the broker again; more
// events are published before anybody else is back.
func (g *ground) offline(do func(stream string) error, more ...int) {
	g.t.Helper()
	listen := strings.TrimPrefix(g.nats.ClientURL(), "nats://")
	g.nats.Stop()
	if err := do(filepath.Join(g.store, "jetstream", "$G", "streams", broker.DefaultEventStream)); err != nil {
		g.t.Fatal(err)
	}
	if len(more) > 0 { // on another port, where nobody looks
		g.broker("127.0.0.1:0")
		own := testkit.Connect(g.t, g.nats)
		was := g.conn
		g.conn = own
		for i := range more[0] {
			g.enter(fmt.Sprintf("q%d", i))
		}
		g.conn = was
		own.Close()
		g.nats.Stop()
	}
	g.broker(listen)
	eventually(g.t, "the broker is reached again", func() bool { return g.conn.NC.IsConnected() })
}
