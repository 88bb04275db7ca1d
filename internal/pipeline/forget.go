package pipeline

import (
	"time"

	"rollcall/internal/ledger"
)

// forgetEvery is how often the long departed are let go of.
const forgetEvery = time.Hour

// forgetLongGone lets go of the profiles that have been in no segment for longer than the configuration keeps
// them.
func (l *loop) forgetLongGone(now time.Time) {
	keep := l.opts.Policy.Keep
	if keep == 0 || l.stopping || now.Sub(l.forgotten) < forgetEvery {
		return
	}
	l.forgotten = now
	if before := now.Add(-keep).Unix(); l.state.roster.LongGone(before) {
		l.outbox = append(l.outbox, &ledger.Forget{Before: before})
	}
}
