package pipeline

import (
	"context"
	"errors"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/state"
)

// Retried is what became of events that were to be folded again.
type Retried struct {
	Folded     int            `json:"folded"`              // at their own sequence
	Due        int            `json:"due"`                 // refused contacts that are due again
	Superseded int            `json:"superseded"`          // a newer event overtook them: not sent
	Gone       int            `json:"gone"`                // no longer on the stream: replaced, or aged out
	Still      map[string]int `json:"still_bad,omitempty"` // by reason: nothing has changed for them
	Sequences  []uint64       `json:"sequences,omitempty"` // of those that were folded
	Overtaken  []uint64       `json:"overtaken,omitempty"` // superseded or gone
}

// Retry reads events again by their sequences and folds them at their own sequence, with the mapping as it
// is now. Contacts that were refused at these versions become due again. A newer event always wins (I3).
func (d *Destination) Retry(ctx context.Context, rec record.Command, sequences []uint64) (Retried, error) {
	var in *intake
	var err error
	asked := d.inside(ctx, func(l *loop) { in, err = l.reader(l.opts.Binding.Segments) })
	if err = errors.Join(asked, err); err != nil {
		return Retried{}, err
	}
	batch, err := in.events(ctx, sequences)
	if err != nil {
		return Retried{}, err
	}
	var out Retried
	var due []contact.Handle
	if err := d.Ask(ctx, func(s *state.State) { due = batch.judge(s, &out) }); err != nil {
		return Retried{}, err
	}
	out.Gone = len(sequences) - len(batch.rows)
	seen := map[uint64]bool{}
	for i := range batch.rows {
		seen[batch.rows[i].Sequence] = true
	}
	for _, seq := range sequences {
		if !seen[seq] {
			out.Overtaken = append(out.Overtaken, seq)
		}
	}
	if out.Folded == 0 && len(due) == 0 {
		return out, nil
	}
	rec.Count = out.Folded
	now := d.now().UnixNano()
	rest := due
	for _, part := range batch.encode() {
		with := []record.Record{&record.Reread{At: now, Rows: part}}
		if n := min(len(rest), maxHandles); n > 0 { // more than a part has rows, so that the last one leaves none
			with, rest = append(with, &record.Retry{At: now, Handles: rest[:n:n]}), rest[n:]
		}
		if err := d.Do(ctx, rec, with...); err != nil {
			return out, err
		}
	}
	out.Due = len(due)
	return out, nil
}

// again is events that were read again, mapped anew.
type again struct {
	rows []record.Row
	bad  map[uint64]string // reason by sequence, of what is still wrong
	keep []record.Row      // those to be folded
}

// events reads events by sequence and maps them. Those that are not the destination's any more are left out.
func (in *intake) events(ctx context.Context, sequences []uint64) (*again, error) {
	messages, err := in.opts.Stream.ReadSequences(ctx, in.opts.Binding.Stream, sequences)
	if err != nil {
		return nil, err
	}
	batch := &again{bad: map[uint64]string{}}
	for i := range messages {
		if err := in.one(ctx, batch, &messages[i]); err != nil {
			return nil, err
		}
	}
	return batch, nil
}

// one maps an event by itself and keeps a copy of its row.
func (in *intake) one(ctx context.Context, batch *again, m *broker.Message) error {
	g := &gathered{}
	if err := in.take(ctx, g, m); err != nil {
		return err
	}
	for _, l := range g.letters {
		batch.bad[l.Sequence] = l.Reason
	}
	return record.Rows(g.rows, func(r *record.Row) { batch.rows = append(batch.rows, *r) })
}

// judge sorts the rows by what folding them would do, and returns the refused contacts that they set.
func (b *again) judge(s *state.State, out *Retried) (due []contact.Handle) {
	for i := range b.rows {
		r := &b.rows[i]
		switch {
		case r.Kind == record.RowMembership && !s.Roster.Current(r.Profile, r.Segment, r.Sequence),
			r.Kind != record.RowMembership && r.Kind != record.RowSeen: // refreshes and erasures are judged once
			out.Superseded++
			out.Overtaken = append(out.Overtaken, r.Sequence)
			continue
		case b.bad[r.Sequence] != "":
			if out.Still == nil {
				out.Still = map[string]int{}
			}
			out.Still[b.bad[r.Sequence]]++
			continue
		}
		out.Folded++
		out.Sequences = append(out.Sequences, r.Sequence)
		b.keep = append(b.keep, *r)
		h := s.Roster.Find(r.Email)
		if h != 0 && s.Book.At(h).Place() == plan.Refused && s.Roster.Source(h) == r.Sequence {
			due = append(due, h)
		}
	}
	return due
}

// encode gives the rows to be folded, in parts that fit an entry; one part at least.
func (b *again) encode() [][]byte {
	parts := [][]byte{nil}
	var last record.Row
	for i := range b.keep {
		n := len(parts) - 1
		if len(parts[n]) > commitBytes/2 {
			parts, last, n = append(parts, nil), record.Row{}, n+1
		}
		parts[n] = record.AppendRow(parts[n], &last, &b.keep[i])
		last = record.Row{Sequence: b.keep[i].Sequence, Time: b.keep[i].Time}
	}
	return parts
}
