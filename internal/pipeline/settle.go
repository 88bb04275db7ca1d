package pipeline

import (
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/class"
)

// lookAfter settles a batch by looking every one of its contacts up, thousands by an export of the list.
func (l *loop) lookAfter(b *flight.Batch, p *poll) {
	p.under = true
	l.opts.at(looking(b, AtLook, AtConfirm))
	id := b.ID
	handles := make([]contact.Handle, len(b.Items))
	for n, it := range b.Items {
		handles[n] = it.Handle
	}
	l.find(b.Operation, l.addresses(handles), func(found map[string]sendgrid.Found, open map[string]bool, began time.Time, err error) {
		p.under = false
		l.looked(id, p, shown{found, open, began}, err)
	})
}

// looked turns look-ups into findings. What a removal left on the list is looked at again until the
// horizon, and then removed again. Contacts of which a look-up tells nothing stay as they are.
func (l *loop) looked(id uint64, p *poll, seen shown, err error) {
	b := l.state.Flight.Get(id)
	if b == nil {
		return
	}
	l.opts.at(looking(b, AtLooked, AtConfirmed))
	now := l.now()
	if err != nil {
		l.troubled(err)
		p.at = now.Add(l.opts.Policy.Scaled(longestLook))
		return
	}
	if !p.doubt.over(b.Until, now.UnixNano(), monotonic()) {
		p.at = now.Add(p.doubt.left(monotonic()))
		return
	}
	late := now.After(time.Unix(0, b.Accepted).Add(l.opts.Policy.Scaled(l.opts.Policy.Horizon)))
	var ended []record.Exception
	for _, it := range b.Items {
		email := l.state.Roster.Email(it.Handle)
		if seen.open[string(email)] {
			continue
		}
		delete(l.spared, it.Handle)
		f, ok := seen.found[string(email)]
		if ok {
			l.known.saw(it.Handle, email, f.ID, slices.Contains(f.Lists, l.opts.Binding.List), seen.began)
		} else {
			l.known.forget([]contact.Handle{it.Handle}) // made anew it has another id
		}
		if finding := l.finding(b, it, f, ok, late, now); finding != 0 {
			if finding == record.Applied {
				delete(l.tries, it.Handle)
			}
			e := record.Exception{Handle: it.Handle, Finding: finding}
			if b.Operation == contact.Upsert && b.State == flight.Accepted && finding != record.Applied {
				e = l.again(e, it, p.ended)
			}
			ended = append(ended, e)
		}
	}
	l.ended(b, p, ended, now)
}

// shown is what look-ups showed of contacts, by their e-mails.
type shown struct {
	found map[string]sendgrid.Found
	open  map[string]bool // nobody can tell yet how these stand
	began time.Time
}

// looking is the step of a look-up: of what is in doubt, or of what was accepted.
func looking(b *flight.Batch, doubt, accepted Step) Step {
	if b.State == flight.Doubt {
		return doubt
	}
	return accepted
}

// ended settles contacts of a batch by their look-up. Whom three jobs left undone is refused, its dead letter first.
func (l *loop) ended(b *flight.Batch, p *poll, ended []record.Exception, now time.Time) {
	reasons := map[contact.Handle]string{}
	for _, e := range ended {
		if e.Finding == record.Rejected {
			reasons[e.Handle] = e.Reason
		}
	}
	whole := len(ended) == len(b.Items)
	p.under = whole || len(reasons) > 0 // until it has ended
	p.at = now.Add(l.opts.Policy.Scaled(nextLook))
	settle := func() {
		p.under = whole
		l.outbox = append(l.outbox, parts(b.ID, l.now().UnixNano(), ended)...)
	}
	end, refused := settle, len(reasons)
	if whole {
		end = func() { l.receipt(b, now, refused, "looked_up", settle) }
	}
	if refused == 0 {
		end()
		return
	}
	l.asideRefused(b, reasons, end)
}

// asideRefused sets aside contacts that a job would not take. Those that carry another identifier, which others
// gave them, are told apart: no version of ours can be applied.
func (l *loop) asideRefused(b *flight.Batch, reasons map[contact.Handle]string, then func()) {
	others := map[contact.Handle]string{}
	for h, reason := range reasons {
		if class.Complains(reason) == class.OtherIdentifier {
			others[h] = reason
			delete(reasons, h)
		}
	}
	if len(others) == 0 {
		l.aside(b, reasons, segment.ReasonSendGridRefused, then)
		return
	}
	l.aside(b, others, segment.ReasonOtherIdentifier, func() { l.aside(b, reasons, segment.ReasonSendGridRefused, then) })
}

// finding is how one contact of a batch stands by a look-up; zero is that it cannot be told yet.
func (l *loop) finding(b *flight.Batch, it flight.Item, f sendgrid.Found, there, late bool, now time.Time) record.Finding {
	on := there && (b.Operation == contact.Delete || slices.Contains(f.Lists, l.opts.Binding.List))
	switch {
	case b.Operation == contact.Upsert && on && l.asAsked(it, f):
		return record.Applied
	case b.Operation == contact.Upsert && on:
		return record.OnList
	case b.Operation == contact.Upsert:
		return record.OffList
	case !on && (b.State != flight.Accepted || l.certainlyGone(b.Operation, it.Handle, now)):
		l.known.gone(it.Handle)
		return record.OffList
	case on && (b.State != flight.Accepted || late):
		l.known.left(it.Handle, now, l.opts.Policy.Scaled(longestLook))
		return record.OnList
	}
	return 0
}

// asAsked reports whether a contact has the fields that the batch carried.
func (l *loop) asAsked(it flight.Item, f sendgrid.Found) bool {
	if l.state.Roster.Hash(it.Handle) != it.Hash {
		return false // a newer version is sent in any case
	}
	fields, ok := l.state.Fields(it.Handle)
	return ok && l.encoder.Matches(fields, l.state.Book.At(it.Handle).Mask, f.Fields)
}

// tried is how many jobs in a row ended without doing what a version of a contact's fields asks.
type tried struct {
	email, hash uint64
	jobs        int
}

// again counts how often a job that SendGrid said had ended left a contact undone: after three more it is refused. A
// job whose end nobody tells uses nothing up: for it the contact is planned again for as long as it takes. Who is no more as it
// was sent is not refused, and stands as the look-up says.
func (l *loop) again(e record.Exception, it flight.Item, ended bool) record.Exception {
	if !ended {
		return e
	}
	t := tried{email: xxhash.Sum64(l.state.Roster.Email(it.Handle)), hash: it.Hash, jobs: 1}
	if before := l.tries[it.Handle]; before.email == t.email && before.hash == t.hash {
		t.jobs += before.jobs
	}
	l.tries[it.Handle] = t
	if t.jobs <= maxTries {
		return e
	}
	delete(l.tries, it.Handle)
	if !l.asSent(it) {
		return e
	}
	return record.Exception{
		Handle: e.Handle, Finding: record.Rejected,
		Reason: "SendGrid's jobs ended without applying the contact, and gave no reason",
	}
}
