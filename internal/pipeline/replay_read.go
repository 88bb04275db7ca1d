package pipeline

import (
	"bytes"
	"context"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

func (l *loop) replayRead(r *record.Replay) {
	names := l.opts.Binding.Segments
	if r.Segment != "" {
		names = []string{r.Segment}
	}
	in, err := l.reader(names)
	if err != nil {
		l.log.Error("the replay cannot map events", zap.Error(err))
		return
	}
	if l.chosenBy != r.ID { // a replay before this one, which was cancelled, chose others
		l.chosen, l.chosenBy = nil, r.ID
	}
	spec, chosen := *r, l.chosen
	l.replayBusy = true
	l.task(func(ctx context.Context) func() {
		part, err := in.replayPart(ctx, spec, chosen)
		l.opts.at(AtReplay)
		return func() { l.replayPart(spec, part, err) }
	})
}

// replayPart is one part of a replay, read and mapped.
type replayPart struct {
	rows   []byte
	next   uint64
	chosen map[uint64]bool // profiles, where a replay ends at an earlier event
}

// replayPart reads the next part, and first who has an event up to Until, where that bounds it.
func (in *intake) replayPart(ctx context.Context, r record.Replay, chosen map[uint64]bool) (replayPart, error) {
	if r.Until > 0 && chosen == nil {
		var err error
		if chosen, err = in.profilesUntil(ctx, r); err != nil {
			return replayPart{}, err
		}
	}
	g, next, err := in.part(ctx, r.Position+1, r.To)
	if err != nil {
		return replayPart{}, err
	}
	p := replayPart{next: next, chosen: chosen}
	var last record.Row
	err = record.Rows(g.rows, func(row *record.Row) {
		if !wanted(&r, row, chosen) {
			return
		}
		p.rows = record.AppendRow(p.rows, &last, row)
		last.Sequence, last.Time = row.Sequence, row.Time
	})
	return p, err
}

// wanted says whether a replay's filters choose the row. Refreshes and erasures were judged when they came.
func wanted(r *record.Replay, row *record.Row, chosen map[uint64]bool) bool {
	return row.Kind == record.RowMembership && (len(r.Profile) == 0 || bytes.Equal(row.Profile, r.Profile)) &&
		(r.Until == 0 || chosen[xxhash.Sum64(row.Profile)])
}

// profilesUntil are the profiles with an event from the replay's beginning up to Until.
func (in *intake) profilesUntil(ctx context.Context, r record.Replay) (map[uint64]bool, error) {
	chosen := map[uint64]bool{}
	for from := r.From; from <= r.Until; {
		g, next, err := in.part(ctx, from, min(r.Until, r.To))
		if err != nil {
			return nil, err
		}
		if err := record.Rows(g.rows, func(row *record.Row) { chosen[xxhash.Sum64(row.Profile)] = true }); err != nil {
			return nil, err
		}
		from = next
		if from > r.To {
			break
		}
	}
	return chosen, nil
}

func (l *loop) replayPart(r record.Replay, p replayPart, err error) {
	l.replayBusy = false
	if err != nil {
		l.replayAt = l.now().Add(time.Second)
		l.log.Warn("the replay cannot read the stream; it is tried again", zap.Error(err))
		return
	}
	if at := l.state.Meta.Replay; at == nil || at.ID != r.ID || at.State != state.ReplayRunning {
		return // it was cancelled meanwhile, and another one may be under way
	}
	l.chosen = p.chosen
	rows, err := l.state.Sorted(&r, p.rows)
	if err != nil {
		l.log.Error("the replay's rows cannot be read", zap.Error(err)) // they were encoded a moment ago
		return
	}
	now := l.now()
	r.At, r.Position = max(now.UnixNano(), r.At+1), p.next-1
	if len(rows) > 0 {
		l.outbox = append(l.outbox, &record.Refold{At: r.At, Force: r.Force, Rows: rows})
	}
	if r.Position >= r.To {
		r.State, l.chosen = state.ReplaySending, nil
	}
	l.replayID, l.replaySent = r.ID, r.At
	l.outbox = append(l.outbox, &r)
}
