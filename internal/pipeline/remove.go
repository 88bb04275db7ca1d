package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/health"
	"rollcall/internal/ledger/record"
	"rollcall/internal/sendgrid"
)

// notYet is how long to wait before a contact is looked up again that SendGrid does not show yet; the
// last step repeats.
var notYet = []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute}

// removal is what came of one request that takes contacts off the list or out of the account.
type removal struct {
	intent *record.Intent
	emails []string  // of the intent's contacts
	began  time.Time // the look-up
	found  map[string]sendgrid.Found
	absent []contact.Handle     // not found where the removal would take them from
	gone   []contact.Handle     // the rest, which the request names
	told   map[string]*exported // what exports told of those whose look-up is refused
	open   []contact.Handle     // those whose look-up is refused: an export has to tell
	job    string
	err    error
}

// startRemoval looks up the contacts whose ids are not known, and removes those that are there.
func (l *loop) startRemoval(i *record.Intent, deadline time.Time) {
	now, op, list := l.now(), i.Operation, l.opts.Binding.List
	emails, ids := l.addresses(i.Handles), make([]string, len(i.Handles))
	var ask []string
	told := l.barred.told(op, emails)
	for n, h := range i.Handles {
		var ok bool
		if ids[n], ok = l.knownID(op, h, now); !ok && told[emails[n]] == nil {
			ask = append(ask, emails[n])
		}
	}
	share := l.shareOf(i)
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithDeadline(share(ctx), deadline)
		defer cancel()
		r := removal{intent: i, began: l.now(), emails: emails, told: told}
		if len(ask) > 0 {
			l.opts.at(AtFind)
			var refused []string
			if r.found, refused, r.err = l.lookUp(ctx, ask); r.err != nil {
				return func() { l.removalNotBegun(r) }
			}
			for _, e := range refused {
				told[e] = &exported{}
			}
			l.opts.at(AtFound)
		}
		var gone []string
		for n, h := range i.Handles {
			f, ok := r.found[emails[n]]
			if e := told[emails[n]]; ids[n] == "" && e != nil {
				f, ok = e.found, e.there
				if !e.told() {
					r.open = append(r.open, h)
					continue
				}
			}
			if ok && (op == contact.Delete || slices.Contains(f.Lists, list)) {
				ids[n] = f.ID
			}
			if ids[n] == "" {
				r.absent = append(r.absent, h)
				continue
			}
			r.gone, gone = append(r.gone, h), append(gone, ids[n])
		}
		if len(gone) > 0 {
			r.job, r.err = l.takeOff(ctx, op, gone)
		}
		return func() { l.removed(r) }
	})
}

// takeOff makes the request that takes contacts off the list, or out of the account.
func (l *loop) takeOff(ctx context.Context, op contact.Operation, ids []string) (job string, err error) {
	l.opts.at(AtSend)
	defer l.opts.at(AtAnswered)
	if op == contact.Delete {
		return l.opts.Sender.DeleteContacts(ctx, ids)
	}
	return l.opts.Sender.RemoveFromList(ctx, l.opts.Binding.List, ids)
}

// saw notes what a look-up that began at a time showed of contacts.
func (l *loop) saw(handles []contact.Handle, emails []string, found map[string]sendgrid.Found, began time.Time) {
	for n, h := range handles {
		if f, ok := found[emails[n]]; ok {
			l.known.saw(h, []byte(emails[n]), f.ID, slices.Contains(f.Lists, l.opts.Binding.List), began)
		}
	}
}

// removalNotBegun handles a look-up that failed: nothing was changed.
func (l *loop) removalNotBegun(r removal) {
	l.finished(r.intent, nil)
	now := l.now()
	f := failure(r.err)
	f.Rest = 0 // the look-ups' budget is not the changes'
	change := l.health.Failed(f, now)
	l.noteHealth(change, r.err)
	if change == health.Failed {
		l.log.Warn("contacts cannot be looked up; it is tried again", zap.Error(r.err))
	}
	l.outbox = append(l.outbox, &record.NoEffect{Batch: r.intent.Batch, At: now.UnixNano(), Due: now.UnixNano()})
}

// removed turns the answer to a removal into outcomes: of the contacts that were not there, and of the
// others.
func (l *loop) removed(r removal) {
	now := l.now()
	id := r.intent.Batch
	l.saw(r.intent.Handles, r.emails, r.found, r.began)
	l.refusedAlone(&r, now)
	l.absent(r.intent.Operation, id, r.absent, now)
	if len(r.gone) == 0 {
		l.finished(r.intent, nil)
		return
	}
	for _, h := range r.gone {
		delete(l.looks, h)
	}
	if r.err != nil {
		l.finished(r.intent, nil)
		var answer *sendgrid.Error
		switch {
		case !errors.As(r.err, &answer):
			l.unsure(r.intent, r.err)
		case answer.Class == sendgrid.NotFound, answer.Class == sendgrid.BadRequest:
			// A contact or the list went away since the look-up: look again, in a while.
			l.known.forget(r.gone)
			l.health.Rest(now, 0)
			l.outbox = append(l.outbox, &record.NoEffect{Batch: id, At: now.UnixNano(), Due: now.Add(l.opts.Policy.Scaled(notYet[0])).UnixNano()})
		default:
			l.failed(r.intent, answer)
		}
		return
	}
	l.finished(r.intent, nil)
	l.answered(routeOf[r.intent.Operation])
	l.outbox = append(l.outbox, &record.Accepted{Batch: id, At: now.UnixNano(), Job: r.job})
	l.polls[id] = l.firstPoll(now)
}

// absent judges contacts that a look-up did not show. Within the horizon of an add of ours that means
// *not yet*, unless a look-up since that add has seen them (H8); else they are gone already.
func (l *loop) absent(op contact.Operation, batch uint64, handles []contact.Handle, now time.Time) {
	settled := &record.Settled{Batch: batch, At: now.UnixNano()}
	again := map[time.Duration][]contact.Handle{}
	for _, h := range handles {
		if l.certainlyGone(op, h, now) {
			settled.Exceptions = append(settled.Exceptions, record.Exception{Handle: h, Finding: record.OffList})
			delete(l.looks, h)
			continue
		}
		wait := l.opts.Policy.Scaled(notYet[min(l.looks[h], len(notYet)-1)])
		l.looks[h]++
		again[wait] = append(again[wait], h)
	}
	if len(settled.Exceptions) > 0 {
		l.outbox = append(l.outbox, settled)
	}
	for wait, only := range again {
		l.outbox = append(l.outbox, &record.NoEffect{Batch: batch, At: now.UnixNano(), Due: now.Add(wait).UnixNano(), Only: only})
	}
}

// certainlyGone reports whether a look-up that does not show a contact can be believed.
func (l *loop) certainlyGone(op contact.Operation, h contact.Handle, now time.Time) bool {
	unix, over := l.added(h, now)
	return over || l.known.seenSince(op, h, l.state.Roster.Email(h), unix)
}
