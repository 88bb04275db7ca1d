package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
	"rollcall/internal/testkit"
)

// stored is one event as the stream holds it.
type stored struct {
	sequence uint64
	subject  string
	header   nats.Header
	event    struct {
		ID   string
		Data struct {
			SegmentID  string `json:"segment_id"`
			ProfileID  string `json:"profile_id"`
			Change     string
			Attributes map[string]any
			First      uint64 `json:"first_sequence"`
			Count      uint64
			Emails     []string
		}
	}
}

func contents(t *testing.T, c *broker.Conn) []stored {
	t.Helper()
	var all []stored
	err := c.ReadRange(t.Context(), broker.Range{Stream: broker.DefaultEventStream}, func(m broker.Message) error {
		s := stored{sequence: m.Sequence, subject: m.Subject, header: nats.Header(m.Header)}
		var d segment.Decoder
		if _, problem := d.Decode(m.Subject, m.Header, m.Body); problem != nil {
			t.Errorf("event %d does not decode: %s %s", m.Sequence, problem.Reason, problem.Detail)
		}
		all = append(all, s)
		return json.Unmarshal(m.Body, &all[len(all)-1].event)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// makeStream makes an event stream that the test wants otherwise than the default.
func makeStream(t testing.TB, c *broker.Conn, change func(*jetstream.StreamConfig)) {
	t.Helper()
	cfg := jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: broker.EventSubjects(), MaxMsgsPerSubject: 1, AllowAtomicPublish: true}
	change(&cfg)
	if _, err := c.JS.CreateStream(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
}

func single(cfg *jetstream.StreamConfig)  { cfg.AllowAtomicPublish = false }
func history(cfg *jetstream.StreamConfig) { cfg.MaxMsgsPerSubject = -1 }
func unkeyed(cfg *jetstream.StreamConfig) {
	history(cfg)
	cfg.Subjects = []string{"segments.membership.*", "segments.refreshed.*.*", "segments.erased.*"}
}

func opened(t testing.TB, c *broker.Conn, o Options) *Publisher {
	t.Helper()
	p, err := Open(context.Background(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func row(segmentID, profile string, n int) Row {
	return Row{
		Segment: segmentID, Profile: profile, Change: segment.Entered,
		Attributes: fmt.Appendf(nil, `{"email":"%s@example.com","n":%d}`, profile, n),
	}
}

func flushed(t testing.TB, p *Publisher) Summary {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	sum, err := p.Flush(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestRowsAreStoredOnceInOrderInEveryFormOfStream(t *testing.T) {
	forms := map[string]func(*jetstream.StreamConfig){
		"keyed, batches": func(*jetstream.StreamConfig) {}, "keyed, single": single, "keyed, history": history,
		"unkeyed, batches": unkeyed, "unkeyed, single": func(c *jetstream.StreamConfig) { unkeyed(c); single(c) },
	}
	for name, change := range forms {
		t.Run(name, func(t *testing.T) {
			c := testkit.Connect(t, testkit.StartBroker(t))
			makeStream(t, c, change)
			p := opened(t, c, Options{Source: "/engine", Window: 400})
			const profiles, times = 300, 4
			for n := range times {
				for i := range profiles {
					if err := p.Publish(t.Context(), row("seg", fmt.Sprintf("p-%d", i), n)); err != nil {
						t.Fatal(err)
					}
				}
			}
			sum := flushed(t, p)
			if sum.Rows != profiles*times || sum.Acked != sum.Rows || sum.First != 1 || sum.Last != profiles*times || sum.Retries+sum.Renewed+sum.Duplicates != 0 {
				t.Errorf("summary %+v", sum)
			}
			checkOrder(t, contents(t, c), profiles, times, name == "keyed, batches" || name == "keyed, single")
		})
	}
}

// checkOrder expects each profile's events in order, the last one of all on a stream that keeps one a subject.
func checkOrder(t *testing.T, all []stored, profiles, times int, lastOnly bool) {
	t.Helper()
	next, ids := map[string]int{}, map[string]bool{}
	for _, s := range all {
		n, profile := int(s.event.Data.Attributes["n"].(float64)), s.event.Data.ProfileID
		if ids[s.event.ID] {
			t.Fatalf("id of event %d was there before (H30)", s.sequence)
		}
		ids[s.event.ID] = true
		if want := "/engine#" + s.event.ID; s.header.Get("Nats-Msg-Id") != want || s.header.Get("Content-Type") != "application/cloudevents+json" {
			t.Fatalf("event %d has the headers %v", s.sequence, s.header)
		}
		if lastOnly {
			next[profile] = times - 1
		}
		if n != next[profile] {
			t.Fatalf("event %d is number %d of its profile, want %d", s.sequence, n, next[profile])
		}
		next[profile]++
	}
	if len(next) != profiles {
		t.Errorf("%d profiles, want %d", len(next), profiles)
	}
	for profile, n := range next {
		if n != times {
			t.Errorf("%s has %d events, want %d", profile, n, times)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	b.ReportAllocs()
	c := testkit.Connect(b, testkit.StartBroker(b))
	makeStream(b, c, func(*jetstream.StreamConfig) {})
	p := opened(b, c, Options{})
	b.ResetTimer()
	n := 0
	for n < b.N {
		err := Population{Seed: uint64(n), Profiles: 100_000, Churn: 0.25}.Rows(func(r Row) error {
			if n++; n > b.N {
				return context.Canceled
			}
			return p.Publish(b.Context(), r)
		})
		if err != nil && n <= b.N {
			b.Fatal(err)
		}
	}
	flushed(b, p)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
