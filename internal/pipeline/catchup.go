package pipeline

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/dense"
)

// What a loaded ledger owes may be out of date: persons left, or were erased, while nobody read the stream. So after
// a claim nothing is sent of it before the fold has reached the stream's end as it was at the claim (H34). What is
// folded after the claim goes its way at once, and so do the deletions of erasures.

const (
	firstSight   = time.Second // how long no event comes until the loop looks whether any is left before the end
	longestSight = time.Minute // between two such looks
)

// catchUp is the way from a claim to the stream's end as it was then.
type catchUp struct {
	on      bool
	end     uint64 // the stream's last sequence at the claim
	from    uint64 // the cursor at the claim
	cursor  uint64 // when it last moved
	every   time.Duration
	look    time.Time // the next look is not before
	looking bool
	told    bool // that events lie before the end and do not come
}

// beginCatchUp notes where the stream ends, right after the claim. A destination without a stream of its own has
// nothing to wait for.
func (l *loop) beginCatchUp(ctx context.Context) error {
	if _, idle := l.opts.Source.(Idle); idle {
		return nil
	}
	st, err := l.opts.Stream.InspectStream(ctx, l.opts.Binding.Stream)
	if err != nil {
		return fmt.Errorf("destination %s: look where the stream ends: %w", l.opts.Destination, err)
	}
	cursor := l.state.Meta.Cursor
	if cursor >= st.LastSeq {
		return nil
	}
	l.catchUp = catchUp{on: true, end: st.LastSeq, from: cursor, cursor: cursor, every: firstSight}
	if !l.caughtUp { // the consumer counts events to come; where it counts none the loop looks at once
		l.catchUp.look = l.now().Add(firstSight)
	}
	l.state.Fresh = &dense.Marks{}
	return nil
}

// catchingUp ends the catching up once the fold has reached its end: by the cursor, or by a look that found no event
// before the end (committed does it by an event behind which nothing lies). The look is for streams whose end never
// comes as an event: what was there may be purged, or have other subjects than events have.
func (l *loop) catchingUp(now time.Time) {
	c := &l.catchUp
	if !c.on {
		return
	}
	cursor := l.state.Meta.Cursor
	switch {
	case cursor >= c.end:
		l.caughtUpAt(now)
	case cursor > c.cursor:
		c.cursor, c.every, c.look = cursor, firstSight, now.Add(firstSight)
	case !c.looking && !now.Before(c.look):
		l.lookAhead(now)
	}
}

// lookAhead looks whether the stream still holds an event before the end.
func (l *loop) lookAhead(now time.Time) {
	c := &l.catchUp
	c.looking, c.look, c.every = true, now.Add(c.every), min(2*c.every, longestSight)
	from, to := l.state.Meta.Cursor+1, c.end
	l.task(func(ctx context.Context) func() {
		more, err := anyBetween(ctx, &l.opts, from, to)
		return func() {
			c.looking = false
			switch {
			case err == nil && !more:
				l.caughtUpAt(l.now())
			case err == nil && l.state.Meta.Cursor < from && c.every > 8*firstSight && !c.told:
				c.told = true
				l.log.Warn("catching up: events lie before the stream's end as it was at the claim, and do not come; what was owed "+
					"before waits for them (see: nats consumer info)", zap.Uint64("cursor", from-1), zap.Uint64("end", to))
			}
		}
	})
}

// caughtUpAt lets everything go that waited for the stream's end.
func (l *loop) caughtUpAt(now time.Time) {
	if !l.catchUp.on {
		return
	}
	l.catchUp.on, l.state.Fresh = false, nil
	l.log.Info("caught up with the stream's end as it was at the claim", zap.Uint64("cursor", l.state.Meta.Cursor))
	l.offerWindow(now)
}

// owes reports whether the contact is to be sent because of what the loaded ledger says, and the stream's end is not
// reached: no event after the claim changed it, or the event that it is desired by was folded before.
func (l *loop) owes(h contact.Handle) bool {
	s := l.state
	if s.Fresh == nil {
		return false
	}
	return !s.Fresh.Has(uint32(h)) || s.Roster.Desired(h) && s.Roster.Source(h) <= l.catchUp.from
}
