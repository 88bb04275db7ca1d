package pipeline

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/sendgrid"
)

const (
	exportBound = 15 * time.Minute // of SendGrid's time, for an export
	exportRest  = 5 * time.Minute  // after one that failed contacts are looked up instead
	gatherBound = time.Minute      // how long removals wait for each other to be confirmed together
)

// resolving is the one reading of the whole list that may be under way, for the ids of thousands of removals.
type resolving struct {
	under bool
	next  time.Time // none before
	rest  time.Time // the last one failed: no export of any kind before
}

// removals are the removals that may start now. Where thousands are due whose ids are not known, the list is
// read once instead, and they wait for it.
func (p *planner) removals() []contact.Handle {
	l := p.l
	p.within(contact.Remove, sendgrid.RouteRemove, sendgrid.RouteEmails)
	if l.resolving.under || l.readForIDs(p) {
		return nil
	}
	most := max(0, p.left[contact.Remove]) * removeBatch
	due := p.sift(toRemove, most+len(l.known.rests))
	if len(l.known.rests) > 0 {
		due = slices.DeleteFunc(due, func(h contact.Handle) bool { return l.known.resting(h, p.now) })
	}
	return due[:min(len(due), most)]
}

// readForIDs begins to read the list where that is less work than look-ups, and the guard lets so many go.
func (l *loop) readForIDs(p *planner) bool {
	offered := l.offered[toRemove]
	if len(offered) < l.opts.ExportFrom || p.now.Before(l.resolving.next) || p.now.Before(l.resolving.rest) {
		return false
	}
	l.resolving.next = p.now.Add(linger)
	strange := l.strangers(p.sift(toRemove, len(offered)), p.now)
	free, passed, others := l.state.ByGuard(strange)
	if len(free)+len(passed)+p.allowed(len(others)) < l.opts.ExportFrom {
		return false
	}
	l.resolving.next = p.now.Add(l.opts.Policy.Scaled(exportRest))
	l.resolve(strange)
	return true
}

// within bounds how many requests of a kind may start by what their route has left until its window ends: an
// intent beyond it would only spend its deadline on waiting. One may wait where the end is near, so that the
// destination has its place in the line for the next window (I9).
func (p *planner) within(op contact.Operation, routes ...sendgrid.Route) {
	for _, route := range routes {
		b := p.l.opts.Prober.Budget(route)
		if b.Limit == 0 || !p.now.Before(b.Reset) {
			continue
		}
		left := max(0, b.Remaining-p.l.sending[op])
		if left == 0 && p.l.sending[op] == 0 && b.Reset.Sub(p.now) < p.l.opts.Policy.Timeout/2 {
			left = 1
		}
		p.left[op] = min(p.left[op], left)
	}
}

// added is when a contact was added last, in unix seconds, and whether that is so long ago that a look-up
// says the truth.
func (l *loop) added(h contact.Handle, now time.Time) (unix int64, over bool) {
	p := l.opts.Policy
	unix = l.state.Book.At(h).LastAdd()
	return unix, unix == 0 || now.After(time.Unix(unix, 0).Add(p.Timeout+p.Scaled(p.Horizon)+time.Second))
}

// knownID returns an id that a removal may use without a look-up.
func (l *loop) knownID(op contact.Operation, h contact.Handle, now time.Time) (string, bool) {
	unix, over := l.added(h, now)
	return l.known.id(op, h, l.state.Roster.Email(h), unix, over)
}

// strangers are those whose ids are not known.
func (l *loop) strangers(handles []contact.Handle, now time.Time) []contact.Handle {
	var out []contact.Handle
	for _, h := range handles {
		if _, ok := l.knownID(contact.Remove, h, now); !ok {
			out = append(out, h)
		}
	}
	return out
}

// addresses are the e-mails of contacts.
func (l *loop) addresses(handles []contact.Handle) []string {
	emails := make([]string, len(handles))
	for n, h := range handles {
		emails[n] = string(l.state.Roster.Email(h))
	}
	return emails
}

// resolve reads the list for the ids of contacts. Who is not found is looked up singly when its turn comes.
func (l *loop) resolve(handles []contact.Handle) {
	l.resolving.under = true
	emails := l.addresses(handles)
	l.log.Info("the list is read for the ids of contacts to be removed", zap.Int("contacts", len(handles)))
	l.find(contact.Remove, emails, func(found map[string]sendgrid.Found, _ map[string]bool, began time.Time, err error) {
		l.resolving.under = false
		if err != nil {
			return
		}
		for n, h := range handles {
			if f, ok := found[emails[n]]; ok {
				l.known.saw(h, []byte(emails[n]), f.ID, true, began)
			}
		}
	})
}

// find looks contacts of an operation up, thousands by one export of our list; then runs on the loop. began is
// when: what was so before the answer shows. open are those of which nobody can tell yet how they stand.
func (l *loop) find(op contact.Operation, emails []string, then func(found map[string]sendgrid.Found, open map[string]bool, began time.Time, err error)) {
	// A deletion is from the account, which no export of a list shows.
	whole := op != contact.Delete && len(emails) >= l.opts.ExportFrom && !l.now().Before(l.resolving.rest)
	bound := l.opts.Policy.Timeout + time.Duration(len(emails)/removeBatch)*2*time.Second
	if whole {
		bound = l.opts.Policy.Timeout + l.opts.Policy.Scaled(exportBound)
	}
	ask, barred := l.barred.split(emails)
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		began := l.now()
		if !whole {
			found, refused, err := l.lookUp(ctx, ask)
			return func() {
				if err != nil {
					then(nil, nil, began, err)
					return
				}
				then(found, l.complete(op, append(barred, refused...), found), began, nil)
			}
		}
		found, err := l.opts.Finder.Resolve(ctx, l.opts.Binding.List, emails)
		return func() {
			if err != nil {
				l.resolving.rest = l.now().Add(l.opts.Policy.Scaled(exportRest))
				l.log.Warn("the list cannot be read as a whole; its contacts are looked up instead", zap.Error(err))
			}
			then(found, nil, began, err)
		}
	})
}

// confirmRemovals looks after accepted removals whose time has come: one by one, and thousands together by one export,
// begun when the last of them is old enough.
func (l *loop) confirmRemovals(due []*flight.Batch, most int, now time.Time) {
	all, sending, first := 0, l.sending[contact.Remove] > 0 || len(l.offered[toRemove]) > 0, now
	for _, b := range l.state.Flight.Open() {
		if b.State != flight.Accepted || b.Operation != contact.Remove || l.polls[b.ID] == nil || l.polls[b.ID].under {
			continue
		}
		all += len(b.Items)
	}
	together := 0
	for _, b := range due {
		together += len(b.Items)
		first = earlier(first, l.polls[b.ID].at)
	}
	switch {
	case all < l.opts.ExportFrom || now.Before(l.resolving.rest):
		for _, b := range due[:min(most, len(due))] {
			l.lookAfter(b, l.polls[b.ID])
		}
	case (together < all || sending) && now.Sub(first) < l.opts.Policy.Scaled(gatherBound):
		// The others' time comes soon.
	default:
		l.confirmTogether(due)
	}
}

func (l *loop) confirmTogether(due []*flight.Batch) {
	var emails []string
	l.opts.at(AtConfirm)
	for _, b := range due {
		l.polls[b.ID].under = true
		for _, it := range b.Items {
			emails = append(emails, string(l.state.Roster.Email(it.Handle)))
		}
	}
	l.find(contact.Remove, emails, func(found map[string]sendgrid.Found, open map[string]bool, began time.Time, err error) {
		for _, b := range due {
			if p := l.polls[b.ID]; p != nil {
				p.under = false
				l.looked(b.ID, p, shown{found, open, began}, err)
			}
		}
	})
}
