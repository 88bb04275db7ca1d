//go:build unix

package app

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zaptest"

	"rollcall/internal/broker"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/testkit"
)

const takeover = 2 * time.Second

// clustered is a ground over three brokers that can be killed.
type clustered struct {
	*ground
	cluster *testkit.Cluster
}

func newClustered(t *testing.T, destinations ...string) *clustered {
	t.Helper()
	c := &clustered{ground: &ground{t: t, lists: map[string]string{}}, cluster: testkit.StartCluster(t)}
	c.conn = c.cluster.Connect()
	eventually(t, "the streams are made", func() bool {
		return c.conn.EnsureStreams(t.Context(), broker.TopologyOptions{}) == nil
	})
	c.sim = simulator.New(simulator.Options{Keys: []string{testKey}, ClockScale: 60})
	server := httptest.NewServer(c.sim)
	t.Cleanup(server.Close)
	c.url = server.URL
	for _, d := range destinations {
		c.lists[d] = c.sim.AddList("", d)
	}
	return c
}

func (c *clustered) replica(name string, destinations ...string) *replica {
	c.t.Helper()
	cfg := c.file(func(s string) string { return strings.Replace(s, "takeover: 2s", "takeover: 2s, replicas: 3", 1) }, destinations...)
	r := &replica{own: c.cluster.Connect(), registry: prometheus.NewRegistry()}
	r.App = New(cfg, Options{Conn: r.own, Replica: name, Registry: r.registry, Log: zaptest.NewLogger(c.t).Named(name)})
	c.t.Cleanup(func() { r.stop(c.t) })
	if err := r.Start(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	return r
}

// led reports whether everything that a take-over asks has a leader, other than the node that was killed.
func (c *clustered) led(killed string) bool {
	for _, stream := range []string{broker.LedgerStream, "KV_" + broker.LeaseBucket, "OBJ_" + broker.SnapshotBucket, broker.DefaultEventStream} {
		if now := c.cluster.Leader(c.conn, stream); now == "" || now == killed {
			return false
		}
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
	defer cancel()
	cons, err := c.conn.JS.Consumer(ctx, broker.DefaultEventStream, broker.DurableName("d0"))
	if err != nil || cons.CachedInfo().Cluster == nil {
		return false
	}
	now := cons.CachedInfo().Cluster.Leader
	return now != "" && now != killed
}

// trouble is what befalls the broker when the active replica crashes.
type trouble struct {
	name      string
	make, end func(string)
	within    time.Duration // before the election
}

func measured() bool { return os.Getenv("ROLLCALL_TAKEOVERS") != "" }

// rounds is how often each trouble is made: more for a measurement.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("ROLLCALL_TAKEOVERS")); err == nil {
		return n
	}
	return 1
}

const (
	noticed = 9 * time.Second // a server that stands still is left by its clients after so long
	slack   = 6 * time.Second // a look, and a try's time for the requests that a take-over makes, on a busy machine
)

// A crashed replica's destination is active elsewhere after about nats.takeover. Where the server that led the ledger, or whatever
// else a take-over asks, is killed at the same moment, it is as soon after the election as it would have been without. A measurement
// lets a leader stand still as well.
func TestATakeOverIsBoundedAlsoWhileTheBrokerRecovers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: it waits for elections")
	}
	c := newClustered(t, "d0")
	active := c.replica("a", "d0")
	eventually(t, "the first is active", func() bool { return active.active() == 1 })
	table, n := []string{}, 0
	troubles := []trouble{
		{"the broker answers", func(string) {}, func(string) {}, takeover},
		{"the leader is killed", c.cluster.Kill, c.cluster.Start, takeover},
	}
	if measured() {
		troubles = append(troubles, trouble{"the leader stands still", c.cluster.Freeze, c.cluster.Thaw, noticed})
	}
	for _, trouble := range troubles {
		for range rounds() {
			n++
			c.enter(fmt.Sprintf("p%d", n))
			eventually(t, "the list has everybody", func() bool { return c.listed("d0") == n })
			next := c.replica(fmt.Sprintf("a%d", n), "d0")
			eventually(t, "each sees the other", func() bool { view, _ := next.board.View(); return len(view.Replicas) >= 2 })
			leader := c.cluster.Leader(c.conn, broker.LedgerStream)
			began := time.Now()
			trouble.make(leader)
			active.crash()
			elected, took := c.takenOver(next, began, leader)
			table = append(table, fmt.Sprintf("%-24s leaders after %5.2f s, taken over after %5.2f s", trouble.name, elected.Seconds(), took.Seconds()))
			if most := max(elected, trouble.within) + slack; took > most {
				t.Errorf("%s: taken over after %s; the leaders were there after %s, so that it may take %s", trouble.name, took, elected, most)
			}
			trouble.end(leader)
			eventually(t, "the broker is whole again", func() bool { return c.led("") })
			active = next
		}
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

// takenOver waits until the replica is active, and tells when the leaders were there and how long it took.
func (c *clustered) takenOver(next *replica, began time.Time, leader string) (elected, took time.Duration) {
	c.t.Helper()
	looked := make(chan time.Duration, 1)
	stop := make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if c.led(leader) {
				looked <- time.Since(began)
				return
			}
		}
	}()
	eventually(c.t, "the other takes over", func() bool { return next.active() == 1 })
	took = time.Since(began)
	close(stop)
	return <-looked, took
}
