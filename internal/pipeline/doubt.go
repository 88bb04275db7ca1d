package pipeline

import (
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
)

// leaveInDoubt handles contacts that SendGrid certainly would not have while an earlier try of the same
// content is in doubt: they are not tried again before the horizon, and the look-up after it says how they
// stand. Where nobody is named, that goes for the whole batch. It reports false where nothing is in doubt.
func (l *loop) leaveInDoubt(batch uint64, handles []contact.Handle, named map[contact.Handle]string) bool {
	b := l.state.Flight.Get(batch)
	if b == nil || b.Until == 0 {
		return false
	}
	for _, h := range handles {
		if _, blamed := named[h]; blamed || len(named) == 0 {
			l.spared[h] = l.state.Roster.Hash(h)
		}
	}
	now := l.now().UnixNano()
	l.outbox = append(l.outbox, &record.NoEffect{Batch: batch, At: now, Due: now})
	return true
}
