package pipeline

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/plan"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
	"rollcall/internal/translate"
)

// Plan is what a replay would do, by the state as it is now: figures of events, then of contacts, then of
// requests.
type Plan struct {
	Cursor     uint64 `json:"cursor"`     // of the state
	Events     uint64 `json:"events"`     // that the filters choose
	Superseded uint64 `json:"superseded"` // a newer event has overtaken them
	NoOps      uint64 `json:"no_ops"`     // SendGrid has what they say, or it is on its way already
	Bad        uint64 `json:"bad"`        // whose fields cannot be sent

	Upserts      int  `json:"upserts"`       // adds that find a slot, and updates
	Removals     int  `json:"removals"`      // that the guard lets go
	Waiting      int  `json:"waiting"`       // adds that find no slot
	Held         bool `json:"held"`          // the guard would hold removals
	HeldRemovals int  `json:"held_removals"` // so many

	Requests map[string]int `json:"requests"`
	Seconds  float64        `json:"seconds"` // that the rate budget's share and SendGrid's jobs make it take
}

// Rehearsal is what a replay is rehearsed with.
type Rehearsal struct {
	Stream  Stream
	Binding record.Binding
	Mapping mapping.Spec
	Batch   BatchLimits
	Policy  state.Policy
	Replay  record.Replay // From, Until and the filters
	Limit   int           // of upserts a minute; zero is not known
}

// jobTime is about how long SendGrid takes until it says that a job has ended.
const jobTime = 200 * time.Second

// rehearsed is a plan in the making.
type rehearsed struct {
	Plan
	state   *state.State
	encoder *mapping.Mapper
	json    []byte
	bytes   int // of the contacts whose fields were at hand
	sized   int // these
}

// Rehearse folds a replay into a state that is thrown away afterwards, and counts what that changes. It is
// the fold that the replay itself makes, so that on a quiet stream the figures are what then happens.
func Rehearse(ctx context.Context, s *state.State, o Rehearsal) (Plan, error) {
	spec, _ := o.Mapping.Numbered(s.Meta.Claim.Fields)
	mapper, err := mapping.New(spec)
	if err != nil {
		return Plan{}, err
	}
	segments := o.Binding.Segments
	if o.Replay.Segment != "" {
		segments = slices.DeleteFunc(slices.Clone(segments), func(name string) bool { return name != o.Replay.Segment })
	}
	translator, err := translate.New(spec, s.SegmentNumbers(segments))
	if err != nil {
		return Plan{}, err
	}
	in := &intake{
		opts: &Options{Binding: o.Binding, Stream: o.Stream, Mapping: spec}, translator: translator, log: zap.NewNop(), now: time.Now,
	}
	r := o.Replay
	r.From, r.To, r.State = max(r.From, 1), s.Meta.Cursor, state.ReplayRunning
	r.Position, r.ID, r.Planned = r.From-1, "rehearsal", 0
	s.ReleaseAll(time.Now().UnixNano()) // what another re-reading has left is no doing of this one
	s.Meta.Replay, s.Meta.Tally = &r, &state.Tally{}
	p := rehearsed{state: s, encoder: mapper}
	var chosen map[uint64]bool
	for r.Position < r.To {
		part, err := in.replayPart(ctx, r, chosen)
		if err != nil {
			return p.Plan, fmt.Errorf("rehearse the replay: %w", err)
		}
		chosen, r.Position = part.chosen, part.next-1
		if err := p.fold(&r, part.rows); err != nil {
			return p.Plan, err
		}
	}
	p.Cursor, p.Events, p.Superseded = r.To, r.Folded, r.Superseded
	p.NoOps, p.Bad = s.Meta.Tally.NoOps, s.Meta.Tally.Bad
	p.count(o)
	return p.Plan, nil
}

// fold folds rows as the replay does, and measures what their contacts take in a request.
func (p *rehearsed) fold(r *record.Replay, rows []byte) error {
	kept, err := p.state.Sorted(r, rows)
	if err != nil {
		return err
	}
	if err := p.state.Refold(&record.Refold{At: time.Now().UnixNano(), Force: r.Force, Rows: kept}); err != nil {
		return err
	}
	return record.Rows(kept, func(row *record.Row) {
		h := p.state.Roster.Find(row.Email)
		if h == 0 || p.state.Bulk.PendingRelease.Get(uint32(h)) == nil || p.state.Roster.Source(h) != row.Sequence {
			return
		}
		p.json = p.encoder.AppendContact(p.json[:0], string(row.Email), row.Fields, p.state.Book.At(h).Mask)
		p.bytes += len(p.json) + 1
		p.sized++
	})
}

// count sorts what was touched by what it needs. Removals go before additions where slots are scarce, so that what
// they free is counted.
func (p *rehearsed) count(o Rehearsal) {
	s := p.state
	adds := 0
	for _, h := range s.Bulk.PendingRelease.Handles() {
		handle, mark := contact.Handle(h), *s.Bulk.PendingRelease.Get(h)
		if s.Book.At(handle).Place() != plan.Nowhere {
			continue
		}
		switch s.Decide(handle) {
		case plan.Add:
			adds++
		case plan.Update:
			p.Upserts++
		case plan.Remove:
			p.Removals++
		case plan.Nothing:
			if mark&state.Resend != 0 && s.Roster.Desired(handle) {
				p.Upserts++
			}
		}
	}
	p.HeldRemovals = p.Removals - s.Book.Allowed(time.Now().UnixNano(), o.Policy.Guard, s.Passed.Len(), p.Removals)
	p.Held, p.Removals = p.HeldRemovals > 0, p.Removals-p.HeldRemovals
	free := math.MaxInt
	if o.Policy.Cap > 0 {
		free = max(0, s.Book.Free(o.Policy.Cap)+p.Removals-s.Book.Count(plan.Waiting))
	}
	p.Waiting = max(0, adds-free)
	p.Upserts += adds - p.Waiting
	p.ask(o)
}

// ask counts the requests and how long they take.
func (p *rehearsed) ask(o Rehearsal) {
	p.Requests = map[string]int{"upsert": ceil(p.Upserts, max(o.Batch.MaxContacts, 1))}
	if p.sized > 0 && o.Batch.MaxBytes > 0 {
		empty := sendgrid.NewBatch([]string{o.Binding.List}, 1, o.Batch.MaxBytes)
		room := o.Batch.MaxBytes - len(empty.Bytes()) + 1 // the first contact has no comma before it
		empty.Release()
		full := room * p.sized / p.bytes
		p.Requests["upsert"] = max(p.Requests["upsert"], ceil(p.Upserts, max(full, 1)))
	}
	if n := ceil(p.Removals, removeBatch); n > 0 {
		p.Requests["look_up"], p.Requests["remove"], p.Requests["confirm"] = n, n, n
	}
	n := p.Requests["upsert"]
	if o.Limit > 0 {
		window := max(sendgrid.Budget{Limit: o.Limit, Remaining: o.Limit}.Left(o.Replay.Share), 1)
		p.Seconds = float64(max(n-1, 0)/window) * time.Minute.Seconds()
	}
	jobs := float64(max(ceil(n, bulkBatches)-1, 0)) * o.Policy.Scaled(jobTime).Seconds()
	p.Seconds = max(p.Seconds, jobs)
}

func ceil(n, size int) int { return (n + size - 1) / size }
