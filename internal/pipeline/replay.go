package pipeline

import (
	"context"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// replay goes on with the replay under way, one part at a time, beside live traffic.
func (l *loop) replay(now time.Time) {
	r := l.state.Meta.Replay
	if r != nil && r.State == state.ReplayCancelled && !l.stopping {
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
	case state.ReplayRunning:
		l.replayRead(r)
	case state.ReplaySending:
		l.replayEnd(r, now)
	}
}

// replayCancelled publishes the receipt of a replay that an operator has ended, and then notes that it did: one that is not
// told of is told of by whoever is active next.
func (l *loop) replayCancelled(r *record.Replay) {
	if r.Told || l.replayTold == r.ID {
		return
	}
	l.replayTold = r.ID
	ended := *r
	if t := l.state.Meta.Tally; t != nil {
		ended.At = t.Ended
	}
	l.receipted(l.replayReceipt(&ended, l.state.Meta.Tally, "cancelled"), func() {
		l.outbox = append(l.outbox, &record.Replay{ID: ended.ID, At: l.now().UnixNano(), State: state.ReplayTold})
	})
}

// replayEnd ends a replay whose last contact has come to its end.
func (l *loop) replayEnd(r *record.Replay, now time.Time) {
	l.replayAt = now.Add(linger)
	if l.state.Bulk.PendingRelease.Len() > 0 || l.letGoAt > l.state.Bulk.ReleasedAt {
		return
	}
	if under, _ := l.state.UnderWay(); under > 0 {
		return
	}
	l.opts.at(AtReplaySend)
	next := *r
	next.At, next.State, next.Release = max(now.UnixNano(), r.At+1), state.ReplayDone, 0
	l.replayBusy = true
	l.receipted(l.replayReceipt(&next, l.state.Closed(next.At), ""), func() {
		l.replayBusy = false
		l.replayID, l.replaySent = next.ID, next.At
		l.outbox = append(l.outbox, &next)
	})
}

// replayReceipt returns what publishes a replay's receipt.
func (l *loop) replayReceipt(r *record.Replay, t *state.Tally, reason string) func(context.Context) error {
	fields := map[string]any{
		"replay": r.ID, "from_sequence": r.From, "to_sequence": r.To, "events": r.Folded, "contacts": r.Touched, "forced": r.Force,
		"reason": reason, "took_ms": max(0, (r.At-r.Started)/int64(time.Millisecond)),
	}
	if o := state.OutcomeOf(r, t); o != nil {
		fields["outcome"] = o
	}
	return l.receiptOf("replay", fields)
}
