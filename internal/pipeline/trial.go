package pipeline

import (
	"context"
	"errors"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/health"
	"rollcall/internal/ledger/record"
	"rollcall/internal/sendgrid"
)

// A suspension ends by the answer to a small request of the kind that was refused: one that may read and not write would
// otherwise resume and be suspended again for ever.

// nobody is looked up where look-ups were refused: an address that is no person's, at a name that never resolves.
const nobodyAtAll = "nobody@rollcall.invalid"

// routeOf are the routes of the operations' requests, and trials the operations by them.
var (
	routeOf = map[contact.Operation]sendgrid.Route{
		contact.Upsert: sendgrid.RouteUpsert, contact.Remove: sendgrid.RouteRemove, contact.Delete: sendgrid.RouteDelete,
	}
	trials = map[sendgrid.Route]contact.Operation{
		sendgrid.RouteUpsert: contact.Upsert, sendgrid.RouteRemove: contact.Remove, sendgrid.RouteDelete: contact.Delete,
	}
)

// beside is what a suspended destination sends all the same: the deletions of erasures where the key works, and, when it is
// time to ask again, one small request of the kind that was refused.
func (l *loop) beside(p *planner, permit health.Permit) []record.Record {
	if l.state.Erasing.Len() > 0 && permit.Deletions {
		l.state.Window.Due(p.now.UnixNano(), p.offer)
		p.remove(contact.Delete, p.sift(toDelete, p.left[contact.Delete]*removeBatch))
	}
	if permit.Probe {
		l.askAgain(p)
	}
	if len(p.records) > 0 {
		l.opts.at(AtPlanned)
	}
	return p.records
}

// askAgain makes the small request: one that changes something where one was refused and a contact needs it, else a reading.
func (l *loop) askAgain(p *planner) {
	if route, write := l.health.Write(); write && p.trial(trials[route]) {
		l.health.Tried(p.now)
		return
	}
	if change := l.health.Unneeded(); change != health.Unchanged {
		l.noteHealth(change, nil)
		return
	}
	l.probe(p.now)
}

// trial plans a request of one contact, where one needs it. It reports false where none does.
func (p *planner) trial(op contact.Operation) bool {
	l := p.l
	if op == 0 || l.sending[op] > 0 || l.state.Meta.Paused && op != contact.Delete {
		return false
	}
	l.state.Window.Due(p.now.UnixNano(), p.offer)
	l.offered.thin(p)
	before := len(p.records)
	switch op {
	case contact.Delete:
		p.remove(op, p.sift(toDelete, 1))
	case contact.Remove:
		p.takeOff(p.sift(toRemove, 1))
	case contact.Upsert:
		if one := p.slotted(p.sift(toUpsert, 1)); len(one) > 0 && !l.remapping() {
			p.cut(one)
		}
	}
	return len(p.records) > before
}

// thin drops what was offered more than once, so that a suspension of days does not grow with the events (I11).
func (o *offers) thin(p *planner) {
	for n := range o {
		if len(o[n]) > 2*p.l.state.Window.Len()+readsAtOnce {
			p.sift(need(n), len(o[n]))
		}
	}
}

// probe asks by a reading whether a suspended destination could be sent to again, where no request that changes something
// was refused, or nobody needs one any more.
func (l *loop) probe(now time.Time) {
	job := ""
	for _, b := range l.state.Flight.Open() {
		if b.State == flight.Accepted && b.Job != "" {
			job = b.Job
		}
	}
	look := l.lookOf(l.health.Begin(job != "", now), job)
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, l.opts.Policy.Timeout)
		defer cancel()
		return look(ctx)
	})
}

// lookOf is the look that health asks for.
func (l *loop) lookOf(look health.Look, job string) func(context.Context) func() {
	switch look {
	case health.LookFields:
		return l.resolveAgain
	case health.LookCheck:
		return l.check
	case health.LookContact:
		return l.asking(func(ctx context.Context) error {
			_, _, err := l.lookUp(ctx, []string{nobodyAtAll})
			return err
		})
	case health.LookJob:
		return l.asking(func(ctx context.Context) error {
			_, err := l.opts.Finder.Job(ctx, job)
			var e *sendgrid.Error
			if errors.As(err, &e) && e.Class == sendgrid.NotFound { // removals and forgotten jobs: it was looked up all the same
				return nil
			}
			return err
		})
	case health.LookList:
	}
	return l.asking(func(ctx context.Context) error {
		_, err := l.opts.Prober.List(ctx, l.opts.Binding.List)
		return err
	})
}

func (l *loop) asking(look func(context.Context) error) func(context.Context) func() {
	return func(ctx context.Context) func() {
		err := look(ctx)
		return func() {
			l.noteHealth(l.health.Looked(err == nil), nil)
		}
	}
}
