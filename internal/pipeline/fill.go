package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
)

// remapping reports whether events are being mapped anew: until that has ended fields in hand may be those of the
// mapping before, so nothing is put on the list.
func (l *loop) remapping() bool {
	return l.state.Meta.Fill != nil && len(l.state.Meta.Fill.Segments) == 0
}

// errEnough ends a reading whose rows fill an entry.
var errEnough = errors.New("enough read")

// refill reads the next part of a back-fill, one at a time, beside live traffic.
func (l *loop) refill(now time.Time) {
	f := l.state.Meta.Fill
	if f == nil || l.refilling || l.stopping || now.Before(l.readAt) || f.Next < l.refilled {
		return // or the part before is read, and not committed yet
	}
	names := l.opts.Binding.Segments
	if len(f.Segments) > 0 {
		names = nil
		for _, n := range f.Segments {
			if name := l.state.Roster.SegmentName(n); slices.Contains(l.opts.Binding.Segments, name) {
				names = append(names, name)
			}
		}
	}
	in, err := l.reader(names)
	if err != nil {
		l.log.Error("the back-fill cannot map events", zap.Error(err))
		return
	}
	l.refilling = true
	from, to := f.Next, f.To
	l.task(func(ctx context.Context) func() {
		g, next, err := in.part(ctx, from, to)
		l.opts.at(AtFill)
		return func() { l.filled(g, next, to, err) }
	})
}

// part reads and maps events from a sequence on, until an entry is full.
func (in *intake) part(ctx context.Context, from, to uint64) (*gathered, uint64, error) {
	g, next := &gathered{}, from
	err := in.opts.Stream.ReadRange(ctx, broker.Range{Stream: in.opts.Binding.Stream, From: from, To: to}, func(m broker.Message) error {
		if g.events >= commitEvents || len(g.rows) >= commitBytes/2 {
			return errEnough
		}
		next = m.Sequence + 1
		return in.take(ctx, g, &m)
	})
	if err == nil {
		next = to + 1
	} else if errors.Is(err, errEnough) {
		err = nil
	}
	return g, next, err
}

func (l *loop) filled(g *gathered, next, to uint64, err error) {
	l.refilling = false
	if err != nil {
		l.readAt = l.now().Add(time.Second)
		l.log.Warn("the back-fill cannot read the stream; it is tried again", zap.Error(err))
		return
	}
	l.refilled = next
	for _, lt := range g.letters {
		// An event that can't be read at all was set aside when it came; its fields may be wrong for the first time.
		switch segment.Reason(lt.Reason) {
		case segment.ReasonNoEmail, segment.ReasonInvalidEmail, segment.ReasonBadValue:
			if !lt.exit {
				l.letters = append(l.letters, lt)
			}
		default:
		}
	}
	l.outbox = append(l.outbox, &record.Fill{At: l.now().UnixNano(), Next: next, Done: next > to, Rows: g.rows})
	if next > to {
		l.log.Info("the back-fill has reached the cursor", zap.Uint64("sequence", to))
	}
}
