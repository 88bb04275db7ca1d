package pipeline

import (
	"context"
	"time"

	"rollcall/internal/ledger"
)

// replay goes on with the replay under way, one part at a time, beside live traffic.
func (l *loop) replay(now time.Time) {
	r := l.state.meta.Replay
	if r != nil && r.State == ReplayCancelled && !l.stopping {
		l.replayCancelled(r)
		return
	}
	if r == nil || l.replayBusy || l.stopping || now.Before(l.replayAt) {
		return
	}
	if r.ID == l.replayID && r.At < l.replaySent {
		return // the last part is not applied yet
	}
	switch r.State {
	case ReplayRunning:
		l.replayRead(r)
	case ReplaySending:
		l.replayEnd(r, now)
	}
}

// replayCancelled publishes the receipt of a replay that an operator has ended, and then notes that it did: one that is not
// told of is told of by whoever is active next.
func (l *loop) replayCancelled(r *ledger.Replay) {
	if r.Told || l.replayTold == r.ID {
		return
	}
	l.replayTold = r.ID
	ended := *r
	if t := l.state.meta.Tally; t != nil {
		ended.At = t.Ended
	}
	l.receipted(l.replayReceipt(&ended, l.state.meta.Tally, "cancelled"), func() {
		l.outbox = append(l.outbox, &ledger.Replay{ID: ended.ID, At: time.Now().UnixNano(), State: replayTold})
	})
}

// replayEnd ends a replay whose last contact has come to its end.
func (l *loop) replayEnd(r *ledger.Replay, now time.Time) {
	l.replayAt = now.Add(linger)
	if l.state.bulk.touched.Len() > 0 || l.letGoAt > l.state.bulk.letGo {
		return
	}
	if under, _ := l.state.underWay(); under > 0 {
		return
	}
	l.opts.at(AtReplaySend)
	next := *r
	next.At, next.State, next.Release = max(now.UnixNano(), r.At+1), ReplayDone, 0
	l.replayBusy = true
	l.receipted(l.replayReceipt(&next, l.state.closed(next.At), ""), func() {
		l.replayBusy = false
		l.replayID, l.replaySent = next.ID, next.At
		l.outbox = append(l.outbox, &next)
	})
}

// replayReceipt returns what publishes a replay's receipt.
func (l *loop) replayReceipt(r *ledger.Replay, t *Tally, reason string) func(context.Context) error {
	fields := map[string]any{
		"replay": r.ID, "from_sequence": r.From, "to_sequence": r.To, "events": r.Folded, "contacts": r.Touched, "forced": r.Force,
		"reason": reason, "took_ms": max(0, (r.At-r.Started)/int64(time.Millisecond)),
	}
	if o := outcomeOf(r, t); o != nil {
		fields["outcome"] = o
	}
	return l.receiptOf("replay", fields)
}
