package pipeline

import (
	"context"
	"fmt"
	"math"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/mapping"
	"rollcall/internal/plan"
)

// Plan is what a replay would do, by the state as it is now: figures of events, then of contacts, then of
// requests.
type Plan struct {
	Events     uint64 `json:"events"`     // that the filters choose
	Superseded uint64 `json:"superseded"` // a newer event has overtaken them
	NoOps      uint64 `json:"no_ops"`     // SendGrid has what they say, or it is on its way already
	Bad        uint64 `json:"bad"`        // whose fields cannot be sent

	Upserts  int  `json:"upserts"` // adds that find a slot, and updates
	Removals int  `json:"removals"`
	Waiting  int  `json:"waiting"` // adds that find no slot
	Held     bool `json:"held"`    // the guard would hold the removals

	Requests map[string]int `json:"requests"`
	Seconds  float64        `json:"seconds"` // of the rate budget's share
}

// Rehearsal is what a replay is rehearsed with.
type Rehearsal struct {
	Stream  Stream
	Binding ledger.Binding
	Mapping mapping.Spec
	Batch   BatchLimits
	Policy  Policy
	Replay  ledger.Replay // From, Until and the filters
	Limit   int           // of upserts a minute; zero is not known
}

// Rehearse folds a replay into a state that is thrown away afterwards, and counts what that changes. It is
// the fold that the replay itself makes, so that on a quiet stream the figures are what then happens.
func Rehearse(ctx context.Context, s *State, o Rehearsal) (Plan, error) {
	spec, _ := o.Mapping.Numbered(s.meta.Claim.Fields)
	mapper, err := mapping.New(spec)
	if err != nil {
		return Plan{}, err
	}
	opts := Options{Binding: o.Binding, Stream: o.Stream, Mapping: spec}
	in := &intake{opts: &opts, mapper: mapper, segments: map[string]uint16{}, log: zap.NewNop(), now: time.Now}
	for _, name := range o.Binding.Segments {
		if n, ok := s.roster.Segment(name); ok && (o.Replay.Segment == "" || o.Replay.Segment == name) {
			in.segments[name] = n
		}
	}
	r := o.Replay
	r.From, r.To, r.State = max(r.From, 1), s.meta.Cursor, ReplayRunning
	r.Position, r.ID = r.From-1, "rehearsal"
	before := map[uint32]bool{}
	for _, h := range s.dirty.Handles() {
		before[h] = true
	}
	s.meta.Replay = &r
	var p Plan
	var chosen map[uint64]bool
	for r.Position < r.To {
		part, err := in.replayPart(ctx, r, chosen)
		if err != nil {
			return p, fmt.Errorf("rehearse the replay: %w", err)
		}
		chosen, r.Position = part.chosen, part.next-1
		if err := p.fold(s, &r, part.rows); err != nil {
			return p, err
		}
	}
	p.count(s, o, before)
	return p, nil
}

// fold folds rows one by one and notes what each one did.
func (p *Plan) fold(s *State, r *ledger.Replay, rows []byte) error {
	now := time.Now()
	s.at = now.UnixNano()
	s.roster.At(now.Unix())
	s.filling, s.force = true, r.Force
	defer func() { s.filling, s.force = false, false }()
	return ledger.Rows(rows, func(row *ledger.Row) {
		p.Events++
		if !s.roster.Current(row.Profile, row.Segment, row.Sequence) {
			p.Superseded++
			return
		}
		if row.Bad {
			p.Bad++
		}
		touched := s.touched.Len()
		s.row(row)
		if s.touched.Len() == touched {
			p.NoOps++
		}
	})
}

// count sorts what was touched by what it needs.
func (p *Plan) count(s *State, o Rehearsal, before map[uint32]bool) {
	free := s.book.Free(o.Policy.Cap)
	if o.Policy.Cap == 0 {
		free = math.MaxInt
	}
	for _, h := range s.touched.Handles() {
		handle := contact.Handle(h)
		if before[h] && !o.Replay.Force { // it was on its way before: that is no doing of the replay
			p.NoOps++
			continue
		}
		switch s.book.Decide(handle, s.roster.Desired(handle), s.roster.Hash(handle)) {
		case plan.Add:
			if free > 0 {
				free--
				p.Upserts++
			} else {
				p.Waiting++
			}
		case plan.Update:
			p.Upserts++
		case plan.Remove:
			p.Removals++
		case plan.Nothing:
		}
	}
	p.Held = p.Removals > max(0, s.book.Room(time.Now().UnixNano(), o.Policy.Guard))
	per := max(o.Batch.MaxContacts, 1)
	p.Requests = map[string]int{"upsert": ceil(p.Upserts, per)}
	if n := ceil(p.Removals, removeBatch); n > 0 {
		p.Requests["look_up"], p.Requests["remove"], p.Requests["confirm"] = n, n, n
	}
	if o.Limit > 0 && o.Replay.Share > 0 {
		p.Seconds = float64(p.Requests["upsert"]) * time.Minute.Seconds() / (float64(o.Limit) * o.Replay.Share)
	}
}

func ceil(n, size int) int { return (n + size - 1) / size }
