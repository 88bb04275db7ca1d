package pipeline

import (
	"context"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/ledger/record"
)

// A refresh is accepted at the stream's end as it was when the refresh was read. By then the row of a member may have been
// replaced twice, so that the member's newest event lies ahead of the fold and the sweep takes the member for departed (H5). So
// the removals that a sweep causes wait until the fold has passed the stream's end as it was when the sweep was accepted: who is
// ahead is back by then, and nobody is removed and added again. After a restart the catching up does the same (H34).

// sweepLooks bounds how often the end is looked for anew once the fold has passed it: the newest event may have been replaced in
// its turn, and a stream whose end the fold never reaches must not keep the departed on the list.
const sweepLooks = 4

// sweepAhead is the way from accepted sweeps to the stream's end. The swept contacts are the state's; none is no way.
type sweepAhead struct {
	end     uint64 // the stream's last sequence; zero is not known yet
	looks   int    // that found an end
	every   time.Duration
	look    time.Time // the next look is not before
	looking bool
	began   int // sweeps so far: a look of before one tells nothing of it
}

// aheadOf begins to hold back what a verdict sweeps, unless nothing lay behind the last event that came: whatever hid a member's
// event was in the stream before the refresh was reached, and would have been counted.
func (l *loop) aheadOf(rec *record.Judge) {
	if rec.Verdict != record.RefreshAccepted || l.pending == 0 {
		return
	}
	if l.state.Swept == nil {
		l.state.Swept = &dense.Marks{}
	}
	l.ahead = sweepAhead{every: firstSight, looking: l.ahead.looking, began: l.ahead.began + 1}
}

// sweptOn lets swept contacts go once the fold has passed the end.
func (l *loop) sweptOn(now time.Time) {
	c := &l.ahead
	switch {
	case l.state.Swept == nil || c.looking:
	case l.pending == 0:
		l.sweptGo(now)
	case c.end > 0 && l.state.Meta.Cursor >= c.end:
		if c.looks >= sweepLooks {
			l.sweptGo(now)
			return
		}
		c.end, c.every = 0, firstSight
		l.lookForEnd(now)
	case !now.Before(c.look):
		l.lookForEnd(now)
	}
}

// lookForEnd looks where the stream ends, and whether any event lies ahead at all: the broker's count alone is no proof.
func (l *loop) lookForEnd(now time.Time) {
	c := &l.ahead
	c.looking, c.look, c.every = true, now.Add(c.every), min(2*c.every, longestSight)
	cursor, began, known := l.state.Meta.Cursor, c.began, c.end
	l.task(func(ctx context.Context) func() {
		more, err := anyBehind(ctx, &l.opts, cursor)
		end := known
		if err == nil && more && known == 0 {
			st, failed := l.opts.Stream.InspectStream(ctx, l.opts.Binding.Stream)
			end, err = st.LastSeq, failed
		}
		return func() {
			c.looking = false
			switch {
			case c.began != began:
				c.look = time.Time{}
			case err != nil:
				l.log.Debug("the stream's end cannot be looked for; it is tried again", zap.Error(err))
			case !more:
				l.sweptGo(l.now())
			case known == 0:
				c.end, c.looks = end, c.looks+1
			}
		}
	})
}

// sweptGo lets swept contacts go.
func (l *loop) sweptGo(now time.Time) {
	l.state.Swept = nil
	l.offerWindow(now)
}

// offerWindow offers every contact in a window anew, because what kept some back has ended.
func (l *loop) offerWindow(now time.Time) {
	p := l.planner(now)
	for _, h := range l.state.Window.Handles() {
		p.offer(contact.Handle(h))
	}
}

// sweptAhead reports whether a contact's removal waits because a sweep may have taken its member too early.
func (l *loop) sweptAhead(h contact.Handle) bool {
	return l.state.Swept != nil && l.state.Swept.Has(uint32(h))
}
