package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/sendgrid"
)

// notYet is how long to wait before a contact is looked up again that SendGrid does not show yet; the
// last step repeats.
var notYet = []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute}

// removal is what came of one request that takes contacts off the list or out of the account.
type removal struct {
	intent *ledger.Intent
	absent []contact.Handle // not found where the removal would take them from
	gone   []contact.Handle // the rest, which the request names
	job    string
	err    error
}

// startRemoval looks the contacts up, and removes those that are there.
func (l *loop) startRemoval(i *ledger.Intent, deadline time.Time) {
	emails := make([]string, len(i.Handles))
	for n, h := range i.Handles {
		emails[n] = string(l.state.roster.Email(h))
	}
	list := l.opts.Binding.List
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		r := removal{intent: i}
		found, err := l.opts.Finder.Lookup(ctx, emails)
		if err != nil {
			r.err = err
			return func() { l.removalNotBegun(r) }
		}
		var ids []string
		for n, h := range i.Handles {
			f, ok := found[emails[n]]
			if !ok || i.Operation == contact.Remove && !slices.Contains(f.Lists, list) {
				r.absent = append(r.absent, h)
				continue
			}
			r.gone = append(r.gone, h)
			ids = append(ids, f.ID)
		}
		switch {
		case len(ids) == 0:
		case i.Operation == contact.Delete:
			r.job, r.err = l.opts.Sender.DeleteContacts(ctx, ids)
		default:
			r.job, r.err = l.opts.Sender.RemoveFromList(ctx, list, ids)
		}
		return func() { l.removed(r) }
	})
}

// removalNotBegun handles a look-up that failed: nothing was changed.
func (l *loop) removalNotBegun(r removal) {
	l.finished(r.intent.Operation, nil)
	now := time.Now()
	var answer *sendgrid.Error
	if errors.As(r.err, &answer) && answer.Class == sendgrid.Unauthorized {
		l.suspend("key", answer)
	} else if errors.As(r.err, &answer) && answer.Class == sendgrid.Forbidden {
		l.suspend("forbidden", answer)
	} else {
		l.backOff(now, 0)
		l.log.Warn("contacts cannot be looked up; it is tried again", zap.Error(r.err))
	}
	l.outbox = append(l.outbox, &ledger.NoEffect{Batch: r.intent.Batch, At: now.UnixNano(), Due: now.UnixNano()})
}

// removed turns the answer to a removal into outcomes: of the contacts that were not there, and of the
// others.
func (l *loop) removed(r removal) {
	now := time.Now()
	id := r.intent.Batch
	l.absent(id, r.absent, now)
	if len(r.gone) == 0 {
		l.finished(r.intent.Operation, nil)
		return
	}
	for _, h := range r.gone {
		delete(l.looks, h)
	}
	if r.err != nil {
		l.finished(r.intent.Operation, nil)
		var answer *sendgrid.Error
		switch {
		case !errors.As(r.err, &answer):
			l.unsure(r.intent, r.err)
		case answer.Class == sendgrid.NotFound:
			// A contact or the list went away since the look-up: look again, in a while.
			l.backOff(now, 0)
			l.outbox = append(l.outbox, &ledger.NoEffect{Batch: id, At: now.UnixNano(), Due: now.Add(l.opts.Policy.scaled(notYet[0])).UnixNano()})
		default:
			l.failed(r.intent, answer)
		}
		return
	}
	l.finished(r.intent.Operation, nil)
	l.well()
	l.outbox = append(l.outbox, &ledger.Accepted{Batch: id, At: now.UnixNano(), Job: r.job})
	l.polls[id] = l.firstPoll(now)
}

// absent judges contacts that a look-up did not show. Within the horizon of an add of ours that means
// *not yet*; else they are gone already.
func (l *loop) absent(batch uint64, handles []contact.Handle, now time.Time) {
	settled := &ledger.Settled{Batch: batch, At: now.UnixNano()}
	again := map[time.Duration][]contact.Handle{}
	p := l.opts.Policy
	for _, h := range handles {
		add := l.state.book.At(h).LastAdd()
		if add == 0 || now.After(time.Unix(add, 0).Add(p.Timeout+p.scaled(p.Horizon)+time.Second)) {
			settled.Exceptions = append(settled.Exceptions, ledger.Exception{Handle: h, Finding: ledger.OffList})
			delete(l.looks, h)
			continue
		}
		wait := p.scaled(notYet[min(l.looks[h], len(notYet)-1)])
		l.looks[h]++
		again[wait] = append(again[wait], h)
	}
	if len(settled.Exceptions) > 0 {
		l.outbox = append(l.outbox, settled)
	}
	for wait, only := range again {
		l.outbox = append(l.outbox, &ledger.NoEffect{Batch: batch, At: now.UnixNano(), Due: now.Add(wait).UnixNano(), Only: only})
	}
}
