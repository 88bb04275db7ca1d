package ledger

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// many appends more entries than one pull of a reader takes.
func many(t *testing.T, j *Journal) int {
	t.Helper()
	load(t, j)
	n := 2*readBatch + 10
	for i := range n {
		appendAll(t, j, fmt.Sprintf("entry %d", i))
	}
	return n
}

// A loading whose consumer dies, as with its server, goes on with another one where it was, and at once.
func TestALoadingOutlivesItsConsumer(t *testing.T) {
	c := testkit.Broker(t)
	n := many(t, openOn(t, c, "a"))
	began, killed, seen := time.Now(), 0, 0
	_, err := openOn(t, c, "a").Load(t.Context(), func(io.Reader) error { return nil }, func(uint64, []byte) error {
		if seen++; seen%200 == 1 {
			killed += killConsumers(t, c)
		}
		return nil
	})
	if err != nil || seen != n || killed == 0 {
		t.Errorf("%d of %d entries, %d consumers killed, %v", seen, n, killed, err)
	}
	if took := time.Since(began); took > readSilence*2 {
		t.Errorf("it took %s", took)
	}
}

func killConsumers(t *testing.T, c *broker.Conn) (killed int) {
	t.Helper()
	stream, err := c.JS.Stream(t.Context(), defaultStream)
	if err != nil {
		t.Fatal(err)
	}
	names := stream.ConsumerNames(t.Context())
	for name := range names.Name() {
		if err := c.JS.DeleteConsumer(t.Context(), defaultStream, name); err == nil {
			killed++
		}
	}
	return killed
}

// slow is a connection that brings so many bytes a second.
type slow struct {
	net.Conn
	rate int
}

func (s slow) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b[:min(len(b), s.rate/20)])
	time.Sleep(time.Duration(n) * time.Second / time.Duration(s.rate))
	return n, err
}

func (s slow) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return slow{c, s.rate}, err
}

// A snapshot that takes longer to come than any single request may is loaded all the same.
func TestALargeSnapshotComesOverASlowLink(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: it takes some seconds by its nature")
	}
	e := testkit.StartBroker(t)
	c := testkit.Connect(t, e)
	if err := c.EnsureStreams(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	state := make([]byte, 7<<20)
	for i := range state {
		state[i] = byte(rand.Uint32()) // nothing that could be compressed
	}
	j := openOn(t, c, "a")
	load(t, j)
	appendAll(t, j, "one")
	if err := j.Snapshot(t.Context(), j.Tail(), writes(string(state))); err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(e.ClientURL(), nats.SetCustomDialer(slow{rate: 1 << 20}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	far, err := Open(t.Context(), js, "a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if got := load(t, far); got.snapshot != string(state) {
		t.Errorf("%d bytes came, want %d", len(got.snapshot), len(state))
	}
	t.Logf("7 MiB at 1 MiB a second came in %s", time.Since(began).Round(time.Millisecond))
}
