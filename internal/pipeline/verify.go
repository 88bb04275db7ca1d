package pipeline

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/plan"
	"rollcall/internal/state"
	"rollcall/internal/translate"
)

// Comparison holds a list, as an export shows it, against a state that was loaded from the ledger. Contacts
// that are dirty are counted and not judged: their end tells how they stand.
type Comparison struct {
	state  *state.State
	stream Stream
	name   string // of the event stream
	in     *intake
	mapper *mapping.Mapper
	fresh  int64 // unix seconds: a contact sent later may not be in the export yet
	seen   map[contact.Handle]bool
	batch  []suspect

	Members int
	Pending int      // dirty, or sent too recently to tell
	Foreign int      // never put there by Rollcall; they are left alone
	Missing []string // listed by the ledger, and not on the list
	Extra   []string // Rollcall let them go, and they are on the list
	Differ  []string // with other fields than were sent
	Unread  int      // whose fields could not be compared: their event was replaced or has aged out
	Strange []string // the foreign ones
}

// suspect is a member whose fields are to be compared with its event's.
type suspect struct {
	h      contact.Handle
	fields map[string]any
}

const compareAtOnce = 2000

// NewComparison starts a comparison with a list whose export begins at a time.
func NewComparison(s *state.State, o Rehearsal, began time.Time) (*Comparison, error) {
	spec, _ := o.Mapping.Numbered(s.Meta.Claim.Fields)
	translator, err := translate.New(spec, s.SegmentNumbers(o.Binding.Segments))
	if err != nil {
		return nil, err
	}
	mapper, err := mapping.New(spec)
	if err != nil {
		return nil, err
	}
	opts := &Options{Binding: o.Binding, Stream: o.Stream, Mapping: spec}
	in := &intake{opts: opts, translator: translator, log: zap.NewNop(), now: time.Now}
	return &Comparison{
		state: s, stream: o.Stream, name: o.Binding.Stream, in: in, mapper: mapper,
		fresh: began.Add(-o.Policy.Scaled(2 * time.Minute)).Unix(), seen: map[contact.Handle]bool{},
	}, nil
}

// Member takes one member of the export.
func (c *Comparison) Member(ctx context.Context, email string, fields map[string]any) error {
	c.Members++
	normal, ok := contact.Normalize(nil, []byte(email))
	h := contact.Handle(0)
	if ok {
		h = c.state.Roster.Find(normal)
	}
	if h == 0 {
		c.stranger(email)
		return nil
	}
	c.seen[h] = true
	at, desired := c.state.Book.At(h), c.state.Roster.Desired(h)
	switch {
	case !c.settled(h):
		c.Pending++
	case at.Listed() && desired:
		if c.batch = append(c.batch, suspect{h, fields}); len(c.batch) >= compareAtOnce {
			return c.compare(ctx)
		}
	case at.LastAdd() != 0:
		c.Extra = append(c.Extra, string(normal))
	case !at.Listed():
		c.stranger(email)
	}
	return nil
}

func (c *Comparison) stranger(email string) {
	c.Foreign++
	c.Strange = append(c.Strange, email)
}

// settled reports whether nothing is under way for the contact. One that waits, is held or refused stands still.
func (c *Comparison) settled(h contact.Handle) bool {
	s := c.state
	if _, due := s.Window.Has(h); due || s.Flight.Of(h) != nil || s.Bulk.PendingRelease.Get(uint32(h)) != nil || s.Book.At(h).LastAdd() > c.fresh {
		return false
	}
	return s.Book.At(h).Place() != plan.Waiting && s.Book.At(h).Place() != plan.Held
}

// compare reads the events of the gathered members again and compares what they map to with what SendGrid
// shows.
func (c *Comparison) compare(ctx context.Context) error {
	var sequences []uint64
	for _, m := range c.batch {
		sequences = append(sequences, c.state.Roster.Source(m.h))
	}
	events, err := c.stream.ReadSequences(ctx, c.name, sequences)
	if err != nil {
		return fmt.Errorf("compare the fields: %w", err)
	}
	bySequence := make(map[uint64]*broker.Message, len(events))
	for i := range events {
		bySequence[events[i].Sequence] = &events[i]
	}
	for _, m := range c.batch {
		if err := c.compareOne(ctx, m, bySequence[c.state.Roster.Source(m.h)]); err != nil {
			return err
		}
	}
	c.batch = c.batch[:0]
	return nil
}

func (c *Comparison) compareOne(ctx context.Context, m suspect, event *broker.Message) error {
	if event == nil {
		c.Unread++
		return nil
	}
	g := &gathered{}
	if err := c.in.take(ctx, g, event); err != nil {
		return err
	}
	return record.Rows(g.rows, func(r *record.Row) {
		email := c.state.EmailOf(m.h)
		switch {
		case r.Kind != record.RowMembership || string(r.Email) != email || r.Bad:
			c.Unread++
		case !c.mapper.Matches(r.Fields, c.state.Book.At(m.h).Mask, m.fields):
			c.Differ = append(c.Differ, email)
		}
	})
}

// End compares what is left, and finds who is missing. later is the state after the export: a contact that
// changed meanwhile is not judged.
func (c *Comparison) End(ctx context.Context, later *state.State) error {
	if err := c.compare(ctx); err != nil {
		return err
	}
	for h := contact.Handle(1); uint32(h) < c.state.Roster.Contacts(); h++ {
		if at := c.state.Book.At(h); !at.Listed() || c.seen[h] {
			continue
		}
		if !c.settled(h) {
			c.Pending++
			continue
		}
		c.Missing = append(c.Missing, c.state.EmailOf(h))
	}
	for _, list := range []*[]string{&c.Missing, &c.Extra, &c.Differ} {
		kept := (*list)[:0]
		for _, email := range *list {
			if c.unchanged(later, email) {
				kept = append(kept, email)
			} else {
				c.Pending++
			}
		}
		*list = kept
	}
	return nil
}

// unchanged reports whether the contact stood still during the export.
func (c *Comparison) unchanged(later *state.State, email string) bool {
	was, is := c.state.Roster.Find([]byte(email)), later.Roster.Find([]byte(email))
	return is != 0 && later.Flight.Of(is) == nil && c.state.Book.At(was) == later.Book.At(is) &&
		c.state.Roster.Hash(was) == later.Roster.Hash(is) && c.state.Roster.Desired(was) == later.Roster.Desired(is)
}
