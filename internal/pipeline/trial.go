package pipeline

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/ledger"
	"rollcall/internal/sendgrid"
)

// A suspension ends by the answer to a small request of the kind that was refused: one that may read and not write would
// otherwise resume and be suspended again for ever.

const (
	// suspendedKey is the suspension for a key that SendGrid does not know: no request can end otherwise.
	suspendedKey = "key"
	// probeEvery is how often a suspended destination asks.
	probeEvery = 30 * time.Second
	// nobody is looked up where look-ups were refused: an address that is no person's, at a name that never resolves.
	nobodyAtAll = "nobody@rollcall.invalid"
)

// routeOf are the routes of the operations' requests, and trials the operations by them.
var (
	routeOf = map[contact.Operation]sendgrid.Route{
		contact.Upsert: sendgrid.RouteUpsert, contact.Remove: sendgrid.RouteRemove, contact.Delete: sendgrid.RouteDelete,
	}
	trials = map[sendgrid.Route]contact.Operation{
		sendgrid.RouteUpsert: contact.Upsert, sendgrid.RouteRemove: contact.Remove, sendgrid.RouteDelete: contact.Delete,
	}
)

// troubled suspends the destination where an answer means that it cannot be sent to, and reports whether it
// does.
func (l *loop) troubled(err error) bool {
	var e *sendgrid.Error
	if !errors.As(err, &e) {
		return false
	}
	reason := map[sendgrid.Class]string{
		sendgrid.Unauthorized: suspendedKey, sendgrid.Forbidden: "forbidden", sendgrid.NotFound: "list", sendgrid.BadFields: suspendedFields,
	}[e.Class]
	aside := e.Route == sendgrid.RouteExport || e.Route == sendgrid.RouteExportJob // there are look-ups besides
	if reason == "" || aside || reason == "list" && e.Route != sendgrid.RouteUpsert {
		return false
	}
	if l.suspended != reason {
		l.refused = e.Route // what was refused first is what has to be taken again
	}
	l.suspend(reason, e)
	return true
}

func (l *loop) suspend(reason string, e error) {
	l.probeAt, l.defined = time.Now().Add(l.opts.Policy.scaled(probeEvery)), false
	if l.suspended == reason {
		return
	}
	l.suspended = reason
	l.log.Error("suspended: events are taken over, nothing is sent; it resumes by itself once SendGrid allows it (see: consumer check)",
		zap.String("reason", reason), zap.Error(e))
}

// resume ends a suspension that SendGrid had caused.
func (l *loop) resume() {
	if l.suspended != "" && l.suspended != withoutConsent {
		l.log.Info("resumed: SendGrid takes requests again", zap.String("was", l.suspended))
		l.suspended, l.refused, l.defined = "", "", false
	}
}

// beside is what a suspended destination sends all the same: the deletions of erasures where the key works, and, when it is
// time to ask again, one small request of the kind that was refused.
func (l *loop) beside(p *planner) []ledger.Record {
	if l.state.erasing.Len() > 0 && l.suspended != suspendedKey && l.refused != sendgrid.RouteDelete && l.refused != sendgrid.RouteEmails {
		l.state.window.Due(p.now.UnixNano(), p.offer)
		p.remove(contact.Delete, p.sift(toDelete, p.left[contact.Delete]*removeBatch))
	}
	if !l.probing && !p.now.Before(l.probeAt) {
		l.askAgain(p)
	}
	if len(p.records) > 0 {
		l.opts.at(AtPlanned)
	}
	return p.records
}

// askAgain makes the small request: one that changes something where one was refused and a contact needs it, else a reading.
func (l *loop) askAgain(p *planner) {
	write := l.suspended == "forbidden" || l.suspended == "list" || l.defined
	switch {
	case write && p.trial(trials[l.refused]):
	case l.defined:
		l.resume() // the fields are there, and nobody needs them any more
	default:
		l.probe(p.now)
	}
}

// trial plans a request of one contact, where one needs it. It reports false where none does.
func (p *planner) trial(op contact.Operation) bool {
	l := p.l
	if op == 0 || l.sending[op] > 0 || l.state.meta.Paused && op != contact.Delete {
		return false
	}
	l.state.window.Due(p.now.UnixNano(), p.offer)
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
	if len(p.records) == before {
		return false
	}
	l.probeAt = p.now.Add(l.opts.Policy.scaled(probeEvery))
	return true
}

// thin drops what was offered more than once, so that a suspension of days does not grow with the events (I11).
func (o *offers) thin(p *planner) {
	for n := range o {
		if len(o[n]) > 2*p.l.state.window.Len()+readsAtOnce {
			p.sift(need(n), len(o[n]))
		}
	}
}

// probe asks by a reading whether a suspended destination could be sent to again, where no request that changes something
// was refused, or nobody needs one any more.
func (l *loop) probe(now time.Time) {
	l.probing = true
	l.probeAt = now.Add(l.opts.Policy.scaled(probeEvery))
	look := l.smallest()
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, l.opts.Policy.Timeout)
		defer cancel()
		return look(ctx)
	})
}

// smallest is the smallest reading of the kind that was refused.
func (l *loop) smallest() func(context.Context) func() {
	fields := l.opts.Resolve != nil && (l.missing || l.suspended == suspendedFields)
	job := ""
	for _, b := range l.state.flight.Open() {
		if b.State == flight.Accepted && b.Job != "" {
			job = b.Job
		}
	}
	switch {
	case fields:
		return l.resolveAgain
	case l.refused == "" && !l.sound && l.opts.Check != nil:
		return l.checkAgain
	case l.refused == sendgrid.RouteEmails:
		return l.asking(func(ctx context.Context) error {
			_, err := l.opts.Finder.Lookup(ctx, []string{nobodyAtAll})
			return err
		})
	case l.refused == sendgrid.RouteJob && job != "":
		return l.asking(func(ctx context.Context) error {
			_, err := l.opts.Finder.Job(ctx, job)
			var e *sendgrid.Error
			if errors.As(err, &e) && e.Class == sendgrid.NotFound { // removals and forgotten jobs: it was looked up all the same
				return nil
			}
			return err
		})
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
			if l.probing = false; err == nil {
				l.resume()
				l.well(l.refused)
			}
		}
	}
}

// checkAgain repeats the look that found something wrong before the first request.
func (l *loop) checkAgain(ctx context.Context) func() {
	reason, err := l.opts.Check(ctx)
	return func() {
		l.probing = false
		switch {
		case reason != "":
			l.suspend(reason, err)
		case err == nil:
			l.resume()
			l.judged("", nil)
		}
	}
}
