package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zaptest"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(testkit.Overlap(m, 8)) }

const testKey = "SG.test"

// ground is a broker and a SendGrid on which replicas run.
type ground struct {
	t     *testing.T
	store string // the broker's directory
	nats  *broker.Embedded
	conn  *broker.Conn // the test's own
	sim   *simulator.Simulator
	url   string
	lists map[string]string

	transport http.RoundTripper // to SendGrid; nil is the default
}

func newGround(t *testing.T, destinations ...string) *ground {
	t.Helper()
	g := &ground{t: t, store: t.TempDir(), lists: map[string]string{}}
	g.broker("127.0.0.1:0")
	t.Cleanup(func() { g.nats.Stop() })
	g.conn = testkit.Connect(t, g.nats)
	if err := g.conn.EnsureStreams(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	g.sendgrid(destinations)
	return g
}

// newGroundOver is a ground over the broker of a connection, without any stream.
func newGroundOver(t *testing.T, conn *broker.Conn, destinations ...string) *ground {
	t.Helper()
	g := &ground{t: t, conn: conn, lists: map[string]string{}}
	g.sendgrid(destinations)
	return g
}

func (g *ground) sendgrid(destinations []string) {
	g.sim = simulator.New(simulator.Options{Keys: []string{testKey}, ClockScale: 60})
	server := httptest.NewServer(g.sim)
	g.t.Cleanup(server.Close)
	g.url = server.URL
	for _, d := range destinations {
		g.lists[d] = g.sim.AddList("", d)
	}
}

// file writes a configuration; change may edit the text.
func (g *ground) file(change func(string) string, destinations ...string) *config.Config {
	g.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, `
nats: {takeover: 2s}
revision: 1
http: {listen: "127.0.0.1:0"}
accounts:
  - {id: acme, base_url: "%s", api_key: "${KEY}", clock_scale: 60, request_timeout: 5s}
destinations:
`, g.url)
	for _, d := range destinations {
		fmt.Fprintf(&b, `  - id: %s
    name: %s
    owner: crm
    account: acme
    list_id: %s
    segments: [s]
    consent: {accepted_by: dpo, accepted_on: 2026-11-01}
    profile_cap: 1000
    debounce: {quiet: 100ms, max_wait: 1s}
`, d, d, g.lists[d])
	}
	text := b.String()
	if change != nil {
		text = change(text)
	}
	cfg, err := config.Parse("test.yaml", []byte(text), func(name string) (string, bool) { return testKey, name == "KEY" })
	if err != nil {
		g.t.Fatal(err)
	}
	return cfg
}

// replica is one running process's worth of Rollcall.
type replica struct {
	*App
	own      *broker.Conn
	registry *prometheus.Registry
}

func (g *ground) start(name string, cfg *config.Config) *replica {
	g.t.Helper()
	return g.startOver(name, testkit.Connect(g.t, g.nats), cfg)
}

// startOver is start with a connection of the caller's.
func (g *ground) startOver(name string, own *broker.Conn, cfg *config.Config) *replica {
	g.t.Helper()
	r := &replica{own: own, registry: prometheus.NewRegistry()}
	r.App = New(cfg, Options{Conn: own, Replica: name, Registry: r.registry, Transport: g.transport, Log: zaptest.NewLogger(g.t).Named(name)})
	g.t.Cleanup(func() { r.stop(g.t) })
	if err := r.Start(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	return r
}

func (r *replica) stop(t *testing.T) {
	if err := r.Stop(context.Background()); err != nil {
		t.Errorf("stop %s: %v", r.opts.Replica, err)
	}
}

// crash takes the network away at once: nothing is released or said any more.
func (r *replica) crash() { r.own.NC.Close() }

func (r *replica) active() int {
	n := 0
	for _, run := range r.runners {
		if run.active.Load() != nil {
			n++
		}
	}
	return n
}

// eventually waits for a condition, for far longer than it may take, and says how long it took.
func eventually(t *testing.T, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > 60*time.Second {
			t.Fatalf("after %s still not: %s", time.Since(began).Round(time.Second), what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// enter publishes that a profile is in the segment.
func (g *ground) enter(profile string) {
	g.t.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","id":"%s-%d","source":"/t","type":"rollcall.membership.changed.v1","data":{"segment_id":"s","profile_id":%q,"change":"entered","attributes":{"email":"%s@example.com"}}}`,
		profile, time.Now().UnixNano(), profile, profile)
	if _, err := g.conn.JS.Publish(g.t.Context(), "segments.membership.s."+profile, []byte(body)); err != nil {
		g.t.Fatal(err)
	}
}

// listed tells whether a list holds so many contacts.
func (g *ground) listed(destination string) int {
	n := 0
	g.sim.Contacts(g.lists[destination], func(simulator.Contact) { n++ })
	return n
}

// metric reads one series of a replica, -1 where there is none.
func (r *replica) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			have := map[string]string{}
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			for i := 0; i < len(labels); i += 2 {
				if have[labels[i]] != labels[i+1] {
					continue series
				}
			}
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return -1
}
