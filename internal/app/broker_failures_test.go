package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/ledger"
	"rollcall/internal/state"
)

// The lines of docs/failures.md about the broker itself: away, forgetful, or without what it was to keep.

// ready is what /readyz answers.
func (r *replica) ready(t *testing.T) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.HTTPAddr()+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// The broker is away for a while: the replica is not ready, changes nothing at SendGrid, and goes on by itself.
func TestABrokerThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	if status := a.ready(t); status != http.StatusOK {
		t.Errorf("/readyz says %d before", status)
	}
	before := g.sim.Summary().Requests["PUT contacts"]
	g.offline(func(string) error {
		eventually(t, "/readyz fails", func() bool { return a.ready(t) == http.StatusServiceUnavailable })
		return nil
	})
	g.crowd(3, 6, 6)
	if after := g.sim.Summary().Requests["PUT contacts"]; after == before {
		t.Error("nothing was sent after the broker's return")
	}
	eventually(t, "/readyz is well again", func() bool { return a.ready(t) == http.StatusOK })
}

// Acknowledgements of a single broker are not durable over a crash of it: it comes back with its consumer as it was when
// nothing was acknowledged. What it delivers again is known by its sequence, and is neither folded nor sent again (I1, I3).
func TestAcknowledgementsThatTheBrokerLostChangeNothing(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	older := filepath.Join(t.TempDir(), "older")
	consumer := filepath.Join("obs", broker.DurableName("d0"))
	g.crowd(3, 6, 6)
	a.stop(t)
	g.offline(func(stream string) error { return os.CopyFS(older, os.DirFS(filepath.Join(stream, consumer))) })
	a = g.start("b", g.file(nil, "d0"))
	g.crowd(6, 20, 20)
	before := g.sim.Summary().Requests["PUT contacts"]
	g.offline(func(stream string) error { // its floor is at six again
		if err := os.RemoveAll(filepath.Join(stream, consumer)); err != nil {
			return err
		}
		return os.CopyFS(filepath.Join(stream, consumer), os.DirFS(older))
	})
	g.crowd(20, 21, 21)
	eventually(t, "all is acknowledged", func() bool {
		at, there, err := g.conn.InspectConsumer(t.Context(), broker.DefaultEventStream, "d0")
		return err == nil && there && at.AckFloor == 21
	})
	if sent := g.sim.Summary().Requests["PUT contacts"] - before; sent != 1 {
		t.Errorf("%d upserts for one new contact", sent)
	}
	if st, _ := a.Stats("d0"); st.Cursor != 21 || st.Suspended != "" {
		t.Errorf("cursor %d, suspended %q", st.Cursor, st.Suspended)
	}
}

// snapshot replaces a stopped destination's journal by a snapshot, as its loop does when the journal has grown.
func (g *ground) snapshot() {
	g.t.Helper()
	installation, err := g.conn.Installation(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	journal, err := ledger.Open(g.t.Context(), g.conn.JS, "d0", ledger.Options{})
	if err != nil {
		g.t.Fatal(err)
	}
	state := state.NewState(state.Policy{}, installation.TombstoneSalt)
	if _, err := journal.Load(g.t.Context(), state.Read, func(_ uint64, body []byte) error { return state.Apply(body) }); err != nil {
		g.t.Fatal(err)
	}
	if err := journal.Snapshot(g.t.Context(), journal.Tail(), state.Write); err != nil {
		g.t.Fatal(err)
	}
}

// A snapshot that is missing or damaged is never passed over (H3): the destination is suspended, removes nobody, and a healthy
// one is loaded as if nothing had been.
func TestASnapshotThatIsMissingOrDamagedIsNotPassedOver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		harm   func(*ground, jetstream.ObjectStore, string) error
	}{
		{"", func(*ground, jetstream.ObjectStore, string) error { return nil }},
		{"ledger_lost", func(g *ground, o jetstream.ObjectStore, name string) error { return o.Delete(g.t.Context(), name) }},
		{"ledger_damaged", func(g *ground, o jetstream.ObjectStore, name string) error {
			body, err := o.GetBytes(g.t.Context(), name)
			if err == nil {
				body[len(body)/2] ^= 1
				_, err = o.PutBytes(g.t.Context(), name, body)
			}
			return err
		}},
	} {
		t.Run(fmt.Sprintf("%q", c.reason), func(t *testing.T) {
			t.Parallel()
			g := newGround(t, "d0")
			a := g.run()
			a.stop(t)
			g.snapshot()
			objects, err := g.conn.JS.ObjectStore(t.Context(), broker.SnapshotBucket)
			if err != nil {
				t.Fatal(err)
			}
			all, err := objects.List(t.Context())
			if err != nil || len(all) != 1 || !strings.HasPrefix(all[0].Name, "d0.") {
				t.Fatalf("the snapshots are %v, %v", all, err)
			}
			if err := c.harm(g, objects, all[0].Name); err != nil {
				t.Fatal(err)
			}
			b := g.start("b", g.file(nil, "d0"))
			if c.reason == "" {
				g.crowd(3, 4, 4)
				return
			}
			b.suspended(t, c.reason)
			if n := g.listed("d0"); n != 3 {
				t.Errorf("%d contacts are listed", n)
			}
		})
	}
}

// What somebody does to a stream by hand is a metric and a log line of every replica.
func TestWhatIsDoneToAStreamByHandIsCounted(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	if err := g.conn.DeleteConsumer(t.Context(), broker.DefaultEventStream, "d0"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deletion is counted", func() bool {
		return a.metric(t, "rollcall_broker_advisories_total", "stream", broker.DefaultEventStream, "kind", "consumer_deleted") == 1
	})
	g.delete(broker.DefaultEventStream)
	eventually(t, "the stream's too", func() bool {
		return a.metric(t, "rollcall_broker_advisories_total", "stream", broker.DefaultEventStream, "kind", "stream_deleted") == 1
	})
}
