package pipeline

import (
	"slices"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/roster"
)

// forgetEvery is how often the long departed are let go of.
const forgetEvery = time.Hour

// forgetLongGone lets go of the profiles that have been in no segment, and had no event, for longer than the configuration
// keeps them. A refresh counts the rows of those whom newer events let go: none is forgotten while one waits to be judged, nor
// where its events may lie behind the fold, for which the clock stands still.
func (l *loop) forgetLongGone(now time.Time) {
	keep := l.opts.Policy.Keep
	if keep == 0 || l.stopping || now.Sub(l.forgotten) < forgetEvery || slices.ContainsFunc(l.state.Roster.Pending(), undecided) {
		return
	}
	l.forgotten = now
	clock := now
	if !l.caughtUp {
		clock = earlier(now, time.Unix(0, l.state.Meta.Time))
	}
	if before := clock.Add(-keep).Unix(); l.state.Roster.LongGone(before) {
		l.outbox = append(l.outbox, &record.Forget{Before: before})
	}
}

func undecided(f roster.Refresh) bool { return f.State != roster.HeldBack }
