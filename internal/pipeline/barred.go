package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/sendgrid"
)

// SendGrid refuses a look-up of an address that it finds malformed, also if the contact is in the account (H31). If no
// job of ours can ever have added the contact, it is absent; for a deletion that has to be so of every destination of the
// account. Otherwise an export tells: of the list for an upsert or a removal, of the account for a deletion. Until one does the contact stays as it is: in doubt, listed, to be erased.

// barred is what exports told of contacts whose e-mails look-ups refuse. It is no state: a process without it meets the
// refusals again.
type barred struct {
	rows  map[uint64]*exported // by a hash of the e-mail
	under bool                 // an export is
	next  time.Time            // none before
}

// exported is what an export told of one contact.
type exported struct {
	email string
	whole bool      // the account is asked for, not the list
	asked time.Time // the answer comes from an export that began later; zero is that nobody waits for one
	began time.Time
	found sendgrid.Found
	there bool
}

// exportEvery is how long after an export the next one begins, of SendGrid's time.
const exportEvery = time.Minute

// told reports whether an export has told since somebody asked.
func (e *exported) told() bool { return !e.asked.IsZero() && !e.began.Before(e.asked) }

// split tells e-mails that can be looked up from those that look-ups have refused.
func (b *barred) split(emails []string) (ask, refused []string) {
	if len(b.rows) == 0 {
		return emails, nil
	}
	for _, e := range emails {
		if b.rows[xxhash.Sum64String(e)] != nil {
			refused = append(refused, e)
		} else {
			ask = append(ask, e)
		}
	}
	return ask, refused
}

// told returns what is known of those e-mails that look-ups have refused, and spends it: what is asked later needs a
// later export.
func (b *barred) told(op contact.Operation, emails []string) map[string]*exported {
	told := map[string]*exported{}
	_, refused := b.split(emails)
	for _, email := range refused {
		e := *b.ask(op, email)
		if told[email] = &e; e.told() {
			b.rows[xxhash.Sum64String(email)].asked = time.Time{}
		}
	}
	return told
}

// ask notes that an export is to tell how a contact stands.
func (b *barred) ask(op contact.Operation, email string) *exported {
	key, whole := xxhash.Sum64String(email), op == contact.Delete
	e := b.rows[key]
	switch {
	case e == nil && b.rows == nil:
		b.rows = map[uint64]*exported{}
		fallthrough
	case e == nil:
		e = &exported{email: email}
		b.rows[key] = e
	}
	if e.asked.IsZero() || e.whole != whole {
		e.asked, e.whole, e.began = time.Now(), whole, time.Time{}
	}
	return e
}

// lookUp looks contacts up, and tells those apart that look-ups refuse by themselves. It runs beside the loop.
func (l *loop) lookUp(ctx context.Context, emails []string) (found map[string]sendgrid.Found, refused []string, err error) {
	if len(emails) == 0 {
		return map[string]sendgrid.Found{}, nil, nil
	}
	found, err = l.opts.Finder.Lookup(ctx, emails)
	if alone, is := errors.AsType[*sendgrid.RefusedError](err); is {
		return found, alone.Emails, nil
	}
	return found, nil, err
}

// complete adds to what look-ups found what exports told of the others, and returns those of which nothing is known yet.
func (l *loop) complete(op contact.Operation, refused []string, found map[string]sendgrid.Found) (open map[string]bool) {
	l.meet(op, refused)
	for email, e := range l.barred.told(op, refused) {
		switch {
		case !e.told():
			if open == nil {
				open = map[string]bool{}
			}
			open[email] = true
		case e.there:
			found[email] = e.found
		}
	}
	return open
}

// meet notes e-mails that look-ups refuse, and tells of the new ones.
func (l *loop) meet(op contact.Operation, refused []string) {
	fresh, _ := l.barred.split(refused)
	for _, email := range refused {
		l.barred.ask(op, email)
	}
	if len(fresh) > 0 {
		l.log.Warn("SendGrid refuses to look up addresses that its upserts took or may have taken: an export has to tell how these contacts stand",
			zap.Strings("contacts", l.hashes(fresh)))
	}
}

// hashes name contacts in a log line.
func (l *loop) hashes(emails []string) []string {
	var out []string
	for _, e := range emails {
		if l.opts.Hash != nil {
			out = append(out, l.opts.Hash([]byte(e)))
		}
	}
	return out
}

// refusedAlone handles the contacts of a removal whose look-ups are refused: those that no job of ours can have added
// are absent, the others wait for an export. A deletion looks beyond its own list, and this ledger knows nothing of what
// the account's other destinations have added.
func (l *loop) refusedAlone(r *removal, now time.Time) {
	op, id := r.intent.Operation, r.intent.Batch
	for n, h := range r.intent.Handles {
		if e := r.told[r.emails[n]]; e != nil && e.told() && e.there {
			l.known.saw(h, []byte(e.email), e.found.ID, !e.whole, e.began)
		}
	}
	never := &record.Settled{Batch: id, At: now.UnixNano()}
	for _, h := range r.open {
		if l.state.Book.At(h).Never() && !(op == contact.Delete && l.opts.Neighbours != nil) { // the account has jobs of others too
			never.Exceptions = append(never.Exceptions, record.Exception{Handle: h, Finding: record.OffList})
			delete(l.looks, h)
			continue
		}
		l.meet(op, []string{string(l.state.Roster.Email(h))})
		l.outbox = append(l.outbox, l.lookAgain(id, h, now))
	}
	if len(never.Exceptions) > 0 {
		l.outbox = append(l.outbox, never)
	}
}

// lookAgain puts a contact of a removal off: it is looked for again in a while, which grows.
func (l *loop) lookAgain(batch uint64, h contact.Handle, now time.Time) *record.NoEffect {
	wait := l.opts.Policy.Scaled(notYet[min(l.looks[h], len(notYet)-1)])
	l.looks[h]++
	return &record.NoEffect{Batch: batch, At: now.UnixNano(), Due: now.Add(wait).UnixNano(), Only: []contact.Handle{h}}
}

// exportBarred exports the list or the account where somebody waits for it, one at a time.
func (l *loop) exportBarred(now time.Time) {
	b := &l.barred
	if b.under || l.stopping || !l.health.Reads() || now.Before(b.next) || now.Before(l.health.RestEnd()) {
		return
	}
	var wait []*exported
	for _, e := range b.rows {
		if !e.asked.IsZero() && !e.told() && (len(wait) == 0 || e.whole == wait[0].whole) {
			wait = append(wait, e)
		}
	}
	if len(wait) == 0 {
		return
	}
	whole, list, emails := wait[0].whole, l.opts.Binding.List, make([]string, len(wait))
	if whole {
		list = ""
	}
	for n, e := range wait {
		emails[n] = e.email
	}
	b.under = true
	bound := l.opts.Policy.Timeout + l.opts.Policy.Scaled(exportBound)
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		began := l.now()
		found, err := l.opts.Finder.Exported(ctx, list, emails)
		return func() { l.exportedBarred(wait, whole, shown{found: found, began: began}, err) }
	})
}

// exportedBarred notes what an export told.
func (l *loop) exportedBarred(wait []*exported, whole bool, seen shown, err error) {
	b := &l.barred
	b.under, b.next = false, l.now().Add(l.opts.Policy.Scaled(exportEvery))
	if err != nil {
		b.next = l.now().Add(l.opts.Policy.Scaled(exportRest))
		emails := make([]string, len(wait))
		for n, e := range wait {
			emails[n] = e.email
		}
		l.log.Warn("no export tells how contacts stand whose look-ups SendGrid refuses: they keep their slots and their erasures stay open; it is tried again",
			zap.Strings("contacts", l.hashes(emails)), zap.Error(err))
		return
	}
	for _, e := range wait {
		if e.whole != whole {
			continue // it waits for the other kind by now
		}
		e.found, e.there = seen.found[e.email]
		e.began = seen.began
	}
}
