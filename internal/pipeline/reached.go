package pipeline

import (
	"context"
	"errors"
	"slices"

	"rollcall/internal/broker"
	"rollcall/internal/roster"
)

// reached reports whether the fold is at the stream's end as it was when the refresh was read. That of a rebased stream
// ends no publication that we know of: what its last events were may be gone, so its end is believed from an event behind
// which nothing lies, or from a look that found nothing behind the cursor, and never from a number of the consumer's alone.
func (l *loop) reached(f roster.Refresh) bool {
	cursor := l.state.meta.Cursor
	if f.State == roster.Rebased {
		return cursor >= f.Until || l.atEnd
	}
	return cursor >= f.Until || l.caughtUp && cursor >= f.Sequence
}

// endOfRebased looks whether anything lies behind the cursor, where a rebased stream has not been read to its end yet: its
// last events may have been dropped or erased, or all of them.
func (l *loop) endOfRebased(ctx context.Context) error {
	at := slices.IndexFunc(l.state.roster.Pending(), func(f roster.Refresh) bool { return f.State == roster.Rebased })
	if at < 0 {
		return nil
	}
	more, err := anyBetween(ctx, &l.opts, l.state.meta.Cursor+1, l.state.roster.Pending()[at].Until)
	l.atEnd = err == nil && !more
	return err
}

var errAny = errors.New("there is an event")

// anyBetween reports whether the stream holds an event of Rollcall's from one sequence to another, both included.
func anyBetween(ctx context.Context, o *Options, from, to uint64) (bool, error) {
	if from > to {
		return false, nil
	}
	err := o.Stream.ReadRange(ctx, broker.Range{
		Stream: o.Binding.Stream, Filters: broker.EventFilters(), From: from, To: to, HeadersOnly: true,
	}, func(broker.Message) error { return errAny })
	if errors.Is(err, errAny) {
		return true, nil
	}
	return false, err
}
