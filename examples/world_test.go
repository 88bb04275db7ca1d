package examples

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/internal/app"
	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/testkit"
)

// world is a broker that syncs, SendGrid's simulator and a running consumer.
type world struct {
	t       *testing.T
	conn    *broker.Conn
	address string // of the broker
	sim     *simulator.Simulator
	list    string
	app     *app.App

	mu   sync.Mutex
	sent []*nats.Msg // by whoever publishes, each try
}

func newWorld(t *testing.T, keyed bool) *world {
	t.Helper()
	e := testkit.StartBroker(t)
	w := &world{t: t, conn: testkit.Connect(t, e), address: strings.TrimPrefix(e.ClientURL(), "nats://")}
	w.streams(keyed)
	w.sim = simulator.New(simulator.Options{Keys: []string{"SG.simulator"}, ClockScale: 600, Seed: 1})
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	w.list = w.sim.AddList("", "Newsletter")
	cfg, err := config.Parse("example.yaml", fmt.Appendf(nil, `
accounts: [{id: acme, base_url: "%s", api_key: "${KEY}", clock_scale: 600, request_timeout: 2s}]
destinations:
  - id: newsletter
    name: Newsletter
    owner: crm
    account: acme
    list_id: %s
    segments: [high-value, newsletter-optin]
    consent: {accepted_by: dpo, accepted_on: 2026-11-01}
    profile_cap: 0
    debounce: {quiet: 50ms, max_wait: 200ms}
http: {listen: "127.0.0.1:0"}
`, server.URL, w.list), func(name string) (string, bool) { return "SG.simulator", name == "KEY" })
	if err != nil {
		t.Fatal(err)
	}
	w.app = app.New(cfg, app.Options{Conn: testkit.Connect(t, e), Replica: "example"})
	if err := w.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.app.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// streams makes the streams, and notes whatever is published for the event stream.
func (w *world) streams(keyed bool) {
	w.t.Helper()
	if !keyed {
		w.unkeyed()
	}
	if err := w.conn.EnsureStreams(w.t.Context(), broker.TopologyOptions{}); err != nil {
		w.t.Fatal(err)
	}
	_, err := w.conn.NC.Subscribe("segments.>", func(m *nats.Msg) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.sent = append(w.sent, m)
	})
	if err == nil {
		err = w.conn.NC.Flush()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// tries returns what was published so far.
func (w *world) tries() []*nats.Msg {
	w.t.Helper()
	if err := w.conn.NC.Flush(); err != nil { // what was published before has come
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// stored is how many events the stream has taken, and the sequence of the latest on each subject.
func (w *world) stored() (taken uint64, latest map[string]uint64) {
	w.t.Helper()
	state, err := w.conn.InspectStream(w.t.Context(), broker.DefaultEventStream)
	if err != nil {
		w.t.Fatal(err)
	}
	latest = map[string]uint64{}
	w.read(broker.DefaultEventStream, func(m broker.Message) { latest[m.Subject] = m.Sequence })
	return state.LastSeq, latest
}

// read visits a stream's messages.
func (w *world) read(stream string, visit func(broker.Message)) {
	w.t.Helper()
	err := w.conn.ReadRange(w.t.Context(), broker.Range{Stream: stream}, func(m broker.Message) error {
		visit(m)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// contacts are those of a list, or of the account where it is "", as e-mail, first name, country and city.
func (w *world) contacts(list string) []string {
	var found []string
	w.sim.Contacts(list, func(c simulator.Contact) {
		f := c.Fields
		found = append(found, strings.Join([]string{c.Email, f["first_name"], f["country"], f["city"]}, "|"))
	})
	slices.Sort(found)
	return found
}

// receipts counts the receipts that have a text.
func (w *world) receipts(text string) (n int) {
	w.t.Helper()
	w.read(broker.ReceiptStream, func(m broker.Message) {
		if strings.Contains(string(m.Body), text) {
			n++
		}
	})
	return n
}

// until waits for a condition, for far longer than it may take.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			stats, _ := w.app.Stats("newsletter")
			w.t.Fatalf("it never came to: %s (the list holds %q, the account %q, %+v)",
				what, w.contacts(w.list), w.contacts(""), stats)
		}
	}
}
