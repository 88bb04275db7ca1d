package pipeline

import (
	"context"
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/sendgrid"
)

const (
	bulkUpserts = 2 // requests of a re-reading under way at once, so that live traffic always finds one free
	bulkRemoves = 2
	bulkBatches = 8 // full upserts of contacts that are due by it or on their way: their fields are in memory
)

// removalsFirst is whether the removals of a re-reading go before its additions.
type removalsFirst uint8

const (
	unasked removalsFirst = iota
	awaitedFirst
	passed
)

// share is the part of each rate budget that replays and back-fills may use.
func (l *loop) share() float64 {
	if r := l.state.Meta.Replay; l.opts.ReplayShare == 0 && r != nil {
		return r.Share
	}
	return l.opts.ReplayShare
}

// shareOf keeps a request of a re-reading within the share.
func (l *loop) shareOf(i *record.Intent) func(context.Context) context.Context {
	if !l.shared[i.Batch] {
		return func(ctx context.Context) context.Context { return ctx }
	}
	share := l.share()
	return func(ctx context.Context) context.Context { return sendgrid.WithShare(ctx, share) }
}

// letGo lets the next contacts that a re-reading touched become due, as many as one request takes: once those before
// are about to be sent, and not too many are on their way. Where slots are scarce removals go first, so that what
// they free is there for the additions.
func (l *loop) letGo(now time.Time) {
	s := l.state
	if s.Bulk.PendingRelease.Len() == 0 {
		l.removals = unasked
		return
	}
	if s.Reading() || s.Meta.Paused || !l.health.Sends() || l.stopping || l.catchUp.on || l.letGoAt > s.Bulk.ReleasedAt || now.Before(l.letGoing) {
		return
	}
	l.letGoing = now.Add(linger / 4)
	per := max(l.opts.Batch.MaxContacts, 1)
	under, leaving := s.UnderWay()
	if due := len(l.offered[toUpsertAgain]) + len(l.offered[toReadAgain]); due >= per || under >= bulkBatches*per {
		return
	}
	rec := &record.LetGo{At: max(now.UnixNano(), s.Bulk.ReleasedAt+1), Most: per}
	switch {
	case l.removals == unasked && s.Book.Free(l.opts.Policy.Cap) < s.Bulk.PendingRelease.Len():
		l.removals, rec.Removals = awaitedFirst, true
	case l.removals == awaitedFirst && leaving > 0:
		return // not for upserts: one that is not full waits for these
	default:
		l.removals = passed
	}
	l.opts.at(AtReplaySend)
	l.letGoAt = rec.At
	l.outbox = append(l.outbox, rec)
}

// leftAgain is how many requests within the share may start now; the routes' budgets are those of the share.
func (p *planner) leftAgain(op contact.Operation, most int, routes ...sendgrid.Route) int {
	n := min(p.left[op], most-p.l.sharing[op])
	for _, route := range routes {
		if b := p.l.opts.Prober.Budget(route); b.Limit > 0 {
			n = min(n, b.Left(p.l.share())-p.l.sharing[op])
		}
	}
	return max(0, n)
}

// removeAgain plans the removals of a re-reading.
func (p *planner) removeAgain() {
	n := p.leftAgain(contact.Remove, bulkRemoves, sendgrid.RouteRemove, sendgrid.RouteEmails)
	due := p.sift(toRemoveAgain, n*removeBatch)
	due = slices.DeleteFunc(due, func(h contact.Handle) bool { return p.l.known.resting(h, p.now) })
	p.again = true
	p.takeOff(due)
	p.again = false
}

// upsertAgain cuts an upsert of a re-reading: a full one, or its last.
func (p *planner) upsertAgain() {
	l := p.l
	enough := func(n int) bool { return n >= l.full || n > 0 && p.lastAgain() }
	if !enough(len(l.offered[toUpsertAgain])) || p.leftAgain(contact.Upsert, bulkUpserts, sendgrid.RouteUpsert) == 0 {
		return
	}
	due := p.sift(toUpsertAgain, l.opts.Batch.MaxContacts)
	if !enough(len(due)) {
		return // those before were sent meanwhile
	}
	p.again = true
	if all := p.slotted(due); len(all) > 0 {
		p.cut(all)
	}
	p.again = false
}

// lastAgain reports whether no more contacts of a re-reading are on their way into the next upsert, or those that are
// have to wait themselves.
func (p *planner) lastAgain() bool {
	l := p.l
	return l.state.Bulk.PendingRelease.Len() == 0 && len(l.reading) == 0 && len(l.offered[toReadAgain]) == 0
}
