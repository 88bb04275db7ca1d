package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/demo/audit"
	"rollcall/internal/publish"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/state"
)

// demoField is one mapped field.
type demoField struct {
	audit.Field
	custom bool
}

var demoFields = []demoField{
	{audit.Field{Name: "first_name", Attribute: "first_name", Kind: "Text"}, false},
	{audit.Field{Name: "last_name", Attribute: "last_name", Kind: "Text"}, false},
	{audit.Field{Name: "country", Attribute: "country", Kind: "Text"}, false},
	{audit.Field{Name: "city", Attribute: "city", Kind: "Text"}, false},
	{audit.Field{Name: "postal_code", Attribute: "postal_code", Kind: "Text"}, false},
	{audit.Field{Name: "tier", Attribute: "tier", Kind: "Text"}, true},
	{audit.Field{Name: "points", Attribute: "points", Kind: "Number"}, true},
	{audit.Field{Name: "joined", Attribute: "joined", Kind: "Date"}, true},
}

// play publishes in two waves, waits after each until nothing is left to do, and audits. In the first wave
// everybody comes; in the second one people change, leave, flap and move, so that there is somebody to be
// updated and removed, and slots to be passed on to those who wait.
func (s *stage) play(ctx context.Context) (*Result, error) {
	result := &Result{Cap: s.opts.Cap, ClockScale: s.opts.ClockScale, Rows: s.opts.population().Count()}
	p, err := publish.Open(ctx, s.conn, publish.Options{
		Stream: broker.DefaultEventStream, Source: "/demo",
		Observe: func(p publish.Progress) { s.progress(Publishing, int(p.Acked), result.Rows) },
	})
	if err != nil {
		return nil, err
	}
	arrivals, published := s.opts.arrivals(), 0
	wave := func() error {
		if _, err := p.Flush(ctx); err != nil {
			return err
		}
		result.Publishing = time.Since(s.began) - result.Settling
		began := time.Now()
		defer func() { result.Settling += time.Since(began) }()
		return s.settle(ctx, published, result.Rows)
	}
	err = s.opts.population().Rows(func(row publish.Row) error {
		if published == arrivals {
			if err := wave(); err != nil {
				return err
			}
		}
		published++
		return p.Publish(ctx, row)
	})
	if err = errors.Join(err, wave()); err != nil {
		return nil, err
	}
	return result, s.judge(ctx, result)
}

// judge takes the numbers, and has the list audited.
func (s *stage) judge(ctx context.Context, result *Result) error {
	result.Total = time.Since(s.began)
	result.Stats, result.Simulator, result.PeakMemory = s.stats(), s.world.Simulator.Summary(), peakMemory()
	result.ApplyDelay, result.StatusMin, result.StatusMax = s.world.Simulator.Delays()
	if s.opts.Spoil != nil {
		if err := s.opts.Spoil(ctx, s.world); err != nil {
			return err
		}
	}
	report, err := s.audit(ctx)
	if err != nil {
		return err
	}
	result.Report, result.Events = report, report.Events
	return nil
}

func (s *stage) progress(phase Phase, published, rows int) {
	s.opts.Progress(Progress{Phase: phase, Published: published, Rows: rows, Stats: s.stats(), Elapsed: time.Since(s.began)})
}

// still is how long nothing may be left to do before the demo believes it.
const still = time.Second

// settle waits until everything that was published is taken over, and everything owed is done.
func (s *stage) settle(ctx context.Context, published, rows int) error {
	state, err := s.conn.InspectStream(ctx, broker.DefaultEventStream)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for quietSince := time.Now(); ; {
		st := s.stats()
		s.progress(Settling, published, rows)
		if st.Suspended != "" {
			return fmt.Errorf("the destination is suspended: %s", st.Suspended)
		}
		if !done(st, state.LastSeq, s.opts.Cap) {
			quietSince = time.Now()
		}
		if time.Since(quietSince) >= still {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the demo was stopped before everything was applied: %w", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// done reports whether nothing is left to do: held removals wait for a person.
func done(st state.Stats, last uint64, limit int) bool {
	return st.Cursor >= last && st.Window+st.OnTheWay+st.InDoubt+st.Jobs == 0 && (st.Waiting == 0 || st.Slots >= limit)
}

// audit hands the auditor the events of the stream, the simulator's truth, and our confirmations.
func (s *stage) audit(ctx context.Context) (*audit.Report, error) {
	sim := s.world.Simulator
	rules := audit.Rules{Segments: publish.DefaultSegments, Email: "email", Cap: s.opts.Cap}
	for _, f := range demoFields {
		rules.Fields = append(rules.Fields, f.Field)
	}
	world := audit.World{
		Events: func(visit func(audit.Event) error) error {
			return s.conn.ReadRange(ctx, broker.Range{Stream: broker.DefaultEventStream, From: 1}, func(m broker.Message) error {
				return visit(audit.Event{Sequence: m.Sequence, Body: m.Body})
			})
		},
		Applied: map[string]time.Time{}, Refused: sim.Refuses,
	}
	sim.Contacts(s.world.List, func(c simulator.Contact) {
		world.Listed = append(world.Listed, audit.Contact{Email: c.Email, Fields: c.Fields})
	})
	for _, change := range sim.History(s.world.List) {
		world.History = append(world.History, audit.Change{Email: change.Email, Added: change.Added})
	}
	for _, job := range sim.Jobs() {
		world.Applied[job.ID] = job.Applied
	}
	err := s.receipts(ctx, func(body []byte) error {
		var receipt struct {
			Kind    string    `json:"kind"`
			Job     string    `json:"job"`
			Time    time.Time `json:"time"`
			Applied int       `json:"applied"`
		}
		if err := json.Unmarshal(body, &receipt); err != nil {
			return fmt.Errorf("read a receipt: %w", err)
		}
		if receipt.Kind == "job" && receipt.Job != "" && receipt.Applied > 0 {
			world.Confirmations = append(world.Confirmations, audit.Confirmation{Job: receipt.Job, At: receipt.Time})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return audit.Check(rules, world)
}
