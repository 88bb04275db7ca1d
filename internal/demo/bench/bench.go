// Package bench measures the whole pipeline against a floor on the same events: the floor pulls, decodes,
// deduplicates, encodes, sends and acknowledges, and does nothing else.
//
// It guarantees that both read the same stream of the same broker, which syncs every write, in one
// process and in turns, and that the pipeline runs as `consumer run` runs it, ledger, windows, cap and
// jobs included. What takes their requests is a sink that answers at once, so that SendGrid's time is in
// neither figure. A measured time is from the first pull until the last contact is applied (pipeline) or
// sent (floor); the quiet time that the pipeline waits by configuration is told beside it.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/publish"
	"rollcall/internal/segment"
)

// Options is what can be chosen.
type Options struct {
	Events   int // of each workload
	Rounds   int // runs of each side
	Said     io.Writer
	Loader   []string // command line of a process that loads a ledger and tells what it takes; see Load
	Profiler func(name string) (stop func())
}

// Workload is a stream of events.
type Workload struct {
	Name     string
	Profiles int
	Events   int
	Keyed    bool // the stream keeps the latest event of each profile alone, as those that Rollcall makes do
}

// Workloads are the two that matter: everybody once, and a tenth of them ten times each.
func Workloads(events int) []Workload {
	return []Workload{
		{Name: "distinct profiles", Profiles: events, Events: events}, {Name: "ten changes each", Profiles: events / 10, Events: events},
	}
}

// burst is how many profiles change at the same time: those who change ten times do so within a burst, as
// an engine that recomputes a segment makes them.
const burst = 5000

// Run prepares each workload, runs both sides in turns, and prints what it measured.
func Run(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "rollcall-bench-")
	if err != nil {
		return fmt.Errorf("make a directory for the broker: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary one: the system's cleaning takes what is left
	b, err := broker.StartEmbedded(broker.EmbeddedOptions{StoreDir: filepath.Join(dir, "nats"), Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer b.Stop()
	conn, err := broker.Connect(ctx, broker.Options{URL: b.ClientURL(), Name: "bench"}, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.EnsureInternal(ctx, broker.TopologyOptions{}); err != nil {
		return err
	}
	for i, w := range Workloads(o.Events) {
		if err := measure(ctx, o, conn, b.ClientURL(), w, i); err != nil {
			return fmt.Errorf("measure %s: %w", w.Name, err)
		}
	}
	return nil
}

func measure(ctx context.Context, o Options, conn *broker.Conn, url string, w Workload, number int) error {
	stream := fmt.Sprintf("BENCH_%d", number)
	if err := fill(ctx, conn, stream, w); err != nil {
		return err
	}
	defer func() { _ = conn.JS.DeleteStream(context.WithoutCancel(ctx), stream) }() // the directory goes as well
	fmt.Fprintf(o.Said, "\n%s: %d events of %d profiles\n", w.Name, w.Events, w.Profiles)
	var floors, pipelines []figures
	for round := range o.Rounds {
		f, err := floor(ctx, conn, stream, w, fmt.Sprintf("floor-%d-%d", number, round))
		if err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		f.print(o.Said, "floor")
		floors = append(floors, f)
		stop := func() {}
		if o.Profiler != nil {
			stop = o.Profiler(fmt.Sprintf("pipeline-%d-%d", number, round))
		}
		destination := fmt.Sprintf("bench-%d-%d", number, round)
		p, err := pipelined(ctx, conn, stream, w, destination)
		stop()
		if err != nil {
			return fmt.Errorf("the pipeline: %w", err)
		}
		p.print(o.Said, "pipeline")
		pipelines = append(pipelines, p)
		if round == 0 && len(o.Loader) > 0 {
			if err := tellLoad(ctx, o, url, destination, w); err != nil {
				return err
			}
		}
	}
	best, ours := fastest(floors), fastest(pipelines)
	fmt.Fprintf(o.Said, "  ratio      %.2f of the floor (%.2f without the %v of quiet)\n",
		ours.rate(w)/best.rate(w), ours.rate(w)/best.rate(w)*ours.took.Seconds()/(ours.took-quiet).Seconds(), quiet)
	return nil
}

// fill makes the stream and publishes the workload. Where it is not keyed it keeps every event, so that both sides see all.
func fill(ctx context.Context, conn *broker.Conn, stream string, w Workload) error {
	keep := int64(-1)
	if w.Keyed {
		keep = 1
	}
	_, err := conn.JS.CreateStream(ctx, jetstream.StreamConfig{
		Name: stream, Subjects: broker.EventSubjects(), AllowAtomicPublish: true, Storage: jetstream.FileStorage, MaxMsgsPerSubject: keep,
	})
	if err != nil {
		return fmt.Errorf("make stream %s: %w", stream, err)
	}
	return send(ctx, conn, stream, w.Events, w.rows)
}

// send publishes rows, and checks that as many are stored.
func send(ctx context.Context, conn *broker.Conn, stream string, events int, rows func(func(publish.Row) error) error) error {
	p, err := publish.Open(ctx, conn, publish.Options{Stream: stream, Source: "/bench"})
	if err != nil {
		return err
	}
	err = rows(func(row publish.Row) error { return p.Publish(ctx, row) })
	sum, flushErr := p.Flush(ctx)
	if err = errors.Join(err, flushErr); err == nil && sum.Acked != uint64(events) {
		err = fmt.Errorf("%d events are stored, want %d", sum.Acked, events)
	}
	return err
}

// rows calls yield with each event's row.
func (w Workload) rows(yield func(publish.Row) error) error {
	changes := w.Events / w.Profiles
	var attributes []byte
	for first := 0; first < w.Profiles; first += burst {
		for change := range changes {
			for n := first; n < min(first+burst, w.Profiles); n++ {
				attributes = fmt.Appendf(attributes[:0],
					`{"email":"person.%07d@example.com","first_name":"Ada","last_name":"Lovelace","country":"GB","city":"London","postal_code":"EC1A 1BB","tier":"gold","points":%d}`,
					n, change)
				row := publish.Row{Segment: segmentID, Profile: fmt.Sprintf("p%07d", n), Change: segment.Entered, Attributes: attributes}
				if err := yield(row); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

const segmentID = "everybody"

// figures is what one run came to.
type figures struct {
	events   int
	took     time.Duration
	cpu      time.Duration // of the whole process, broker included
	upserts  int
	least    int // requests that the limits allow
	contacts int
	ledger   uint64 // bytes
	commits  uint64
	commit   time.Duration // of one, on average
}

func (f figures) rate(w Workload) float64 { return float64(w.Events) / f.took.Seconds() }

func (f figures) print(to io.Writer, side string) {
	fmt.Fprintf(to, "  %-10s %9.0f events/s  %6.2f s  CPU %5.2f s per million events  %3d upserts (%d at least)",
		side, float64(f.events)/f.took.Seconds(), f.took.Seconds(), f.cpu.Seconds()*1e6/float64(f.events), f.upserts, f.least)
	if f.ledger > 0 {
		fmt.Fprintf(to, "  ledger %4.0f bytes per contact, %d commits of %v", float64(f.ledger)/float64(f.contacts), f.commits, f.commit)
	}
	fmt.Fprintln(to)
}

func fastest(all []figures) figures {
	best := all[0]
	for _, f := range all {
		if f.took < best.took {
			best = f
		}
	}
	return best
}
