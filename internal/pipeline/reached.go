package pipeline

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/roster"
)

// reached reports whether the fold is at the stream's end as it was when the refresh was read. That of a rebased stream
// ends no publication that we know of: what its last events were may be gone, so its end is believed from an event behind
// which nothing lies, or from a look that found nothing behind the cursor, and never from a number of the consumer's alone.
func (l *loop) reached(f roster.Refresh) bool {
	cursor := l.state.Meta.Cursor
	if f.State == roster.Rebased {
		return cursor >= f.Until || l.atEnd
	}
	return cursor >= f.Until || l.caughtUp && cursor >= f.Sequence
}

// recount is how long a refresh that lacks members waits until it is counted again: a count reads every profile.
const recount = time.Second

// short is a refresh that was counted and lacks members, some of which may lie behind the fold.
type short struct {
	cursor uint64 // it was counted there
	again  time.Time
}

// lacks reports whether a refresh was found to lack members a moment ago, and may still lack only what lies behind the fold.
func (l *loop) lacks(f roster.Refresh, now time.Time) bool {
	return l.pending > 0 && now.Before(l.short[f.Sequence].again)
}

// mayCome reports whether the members that a refresh lacks may lie behind the fold, beyond the stream's end as it was when the
// refresh was read: in a keyed stream a later event of the same profile takes the place of a row that nobody has read (H5).
// Each event behind may be one of them. Who was refused too early would have to be published again; time changes nothing else.
func (l *loop) mayCome(f roster.Refresh, seen uint64, now time.Time) bool {
	if !l.stream.Keyed || f.First > f.Sequence || seen+l.pending < f.Count {
		return false
	}
	cursor := l.state.Meta.Cursor
	if l.short[f.Sequence].cursor == cursor {
		l.lookBehind(cursor)
	}
	l.short[f.Sequence] = short{cursor, now.Add(recount)}
	return true
}

// lookBehind looks whether anything lies behind the cursor where nothing has come for a while: brokers have been known to count
// events that are not there.
func (l *loop) lookBehind(cursor uint64) {
	if l.looking {
		return
	}
	l.looking = true
	l.task(func(ctx context.Context) func() {
		more, err := anyBehind(ctx, &l.opts, cursor)
		return func() {
			l.looking = false
			if err == nil && !more && l.state.Meta.Cursor == cursor {
				l.pending, l.caughtUp = 0, true
			}
		}
	})
}

// endOfRebased looks whether anything lies behind the cursor, where a rebased stream has not been read to its end yet: its
// last events may have been dropped or erased, or all of them.
func (l *loop) endOfRebased(ctx context.Context) error {
	at := slices.IndexFunc(l.state.Roster.Pending(), func(f roster.Refresh) bool { return f.State == roster.Rebased })
	if at < 0 {
		return nil
	}
	more, err := anyBetween(ctx, &l.opts, l.state.Meta.Cursor+1, l.state.Roster.Pending()[at].Until)
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

// anyBehind reports whether the stream holds an event of Rollcall's above a sequence. The broker counts them at one moment, so
// that none which is there is overlooked.
func anyBehind(ctx context.Context, o *Options, sequence uint64) (bool, error) {
	return anyBetween(ctx, o, sequence+1, math.MaxUint64)
}
