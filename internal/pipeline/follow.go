package pipeline

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/ledger/record"
	"rollcall/internal/scrub"
	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/class"
)

const (
	firstLook   = 35 * time.Second // SendGrid applies a job after about 30 s
	nextLook    = 15 * time.Second
	longestLook = 30 * time.Second
	maxTries    = 3 // of a contact that ended jobs left undone
	maxFollows  = 8 // batches being looked after at once
)

// poll is when an open batch is looked after next.
type poll struct {
	at    time.Time
	every time.Duration
	under bool // being looked after now
	ended bool // SendGrid said so of its job
	doubt horizon
}

func (l *loop) firstPoll(now time.Time) *poll {
	return &poll{at: now.Add(l.opts.Policy.Scaled(firstLook)), every: l.opts.Policy.Scaled(nextLook)}
}

// follow takes up a batch that was open when the ledger was loaded.
func (l *loop) follow(b *flight.Batch, now time.Time) {
	switch b.State {
	case flight.Accepted:
		l.polls[b.ID] = l.firstPoll(time.Unix(0, b.Accepted))
	case flight.Doubt:
		l.polls[b.ID] = &poll{at: time.Unix(0, b.Until)}
	case flight.Intended: // the claim put it in doubt
		l.polls[b.ID] = &poll{at: now}
	}
}

// followUp looks after the batches whose time has come, and returns when the next one's does.
func (l *loop) followUp(now time.Time) time.Time {
	next := now.Add(time.Minute)
	under := 0
	if l.state.Flight.Contacts(flight.Doubt) > 0 {
		for _, b := range l.state.Flight.Open() {
			if l.polls[b.ID] == nil && b.State == flight.Doubt {
				l.follow(b, now) // its own try certainly had no effect; an earlier one of its content is in doubt
			}
		}
	}
	var removals []*flight.Batch
	for id, p := range l.polls {
		b := l.state.Flight.Get(id)
		if b == nil {
			if !l.pendingOutcome(id) {
				delete(l.polls, id)
			}
			continue
		}
		over := p.doubt.over(b.Until, now.UnixNano(), monotonic())
		if p.under {
			under++
			continue
		}
		if p.at.After(now) {
			next = earlier(next, p.at)
			continue
		}
		if under >= maxFollows || !l.health.Reads() || l.stopping {
			next = earlier(next, now.Add(linger))
			continue
		}
		switch {
		case b.State == flight.Accepted && b.Operation == contact.Upsert && b.Job != "":
			under++
			l.pollJob(b, p)
		case b.State == flight.Accepted && b.Operation == contact.Remove:
			removals = append(removals, b)
		case b.State == flight.Accepted:
			under++
			l.lookAfter(b, p)
		case b.State == flight.Doubt && over:
			under++
			l.lookAfter(b, p)
		case b.State == flight.Doubt:
			p.at = now.Add(p.doubt.left(monotonic()))
			next = earlier(next, p.at)
		}
	}
	if len(removals) > 0 {
		l.confirmRemovals(removals, max(0, maxFollows-under), now)
		next = earlier(next, now.Add(linger))
	}
	return next
}

// pendingOutcome reports whether the batch's intent may still be on its way into the state.
func (l *loop) pendingOutcome(id uint64) bool { return id >= l.state.Flight.Next() }

// pollJob asks how an upsert's job stands.
func (l *loop) pollJob(b *flight.Batch, p *poll) {
	p.under = true
	id, job := b.ID, b.Job
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, l.opts.Policy.Timeout)
		defer cancel()
		l.opts.at(AtPoll)
		j, err := l.opts.Finder.Job(ctx, job)
		var named []sendgrid.JobError
		if err == nil && j.Errored > 0 && j.ErrorsURL != "" {
			named, err = l.opts.Finder.JobErrors(ctx, j.ErrorsURL)
		}
		l.opts.at(AtPolled)
		return func() {
			p.under = false
			l.polled(id, p, j, named, err)
		}
	})
}

// polled reads a job's answer: ended well, ended with contacts that it would not take, or not ended.
func (l *loop) polled(id uint64, p *poll, j sendgrid.Job, named []sendgrid.JobError, err error) {
	b := l.state.Flight.Get(id)
	if b == nil {
		return
	}
	l.troubled(err)
	named = slices.DeleteFunc(named, func(e sendgrid.JobError) bool {
		if e.Email == "" && class.Complains(e.Message) == class.PlanFull {
			l.planFull()
		}
		return e.Email == ""
	})
	p.ended = err == nil && j.Done()
	now := l.now()
	horizon := time.Unix(0, b.Accepted).Add(l.opts.Policy.Scaled(l.opts.Policy.Horizon))
	switch {
	case err == nil && j.Done() && now.UnixNano() < b.Until:
		// An earlier try of the same content may still be applied, so nothing else may be sent before (H1).
		p.at = time.Unix(0, b.Until)
	case err == nil && j.Done() && j.Errored > 0 && b.Until > 0:
		l.lookAfter(b, p) // refused by this job, and perhaps applied by an earlier try
	case err == nil && j.Terminal() && j.Created+j.Updated+j.Errored < j.Requested:
		l.lookAfter(b, p) // it ended, and does not say of everybody what it did
	case err == nil && j.Done() && j.Errored == 0 && !j.Failed():
		p.under = true // until it has ended
		for _, it := range b.Items {
			delete(l.tries, it.Handle)
		}
		l.receipt(b, now, 0, "", func() {
			l.outbox = append(l.outbox, &record.Settled{Batch: id, At: l.now().UnixNano(), All: record.Applied})
		})
	case err == nil && j.Done() && len(named) >= j.Errored && j.Errored > 0:
		l.rejected(b, named, now)
	case err == nil && j.Terminal():
		l.lookAfter(b, p) // errors that name nobody
	case now.After(horizon):
		if err != nil {
			l.log.Warn("a job cannot be followed; its contacts are looked up instead", zap.Error(err))
		}
		l.lookAfter(b, p)
	default:
		p.at = now.Add(p.every)
		p.every = min(2*p.every, l.opts.Policy.Scaled(longestLook))
	}
}

// rejected ends a job that would not take some contacts: those are as they were before, and refused; but
// whom the plan has no room for waits until it has.
func (l *loop) rejected(b *flight.Batch, named []sendgrid.JobError, now time.Time) {
	reasons := map[contact.Handle]string{}
	byEmail := make(map[string]contact.Handle, len(b.Items))
	for _, it := range b.Items {
		byEmail[string(l.state.Roster.Email(it.Handle))] = it.Handle
	}
	var except []record.Exception
	for _, n := range named {
		h, ok := byEmail[n.Email]
		switch {
		case !ok:
			l.lookAfter(b, l.polls[b.ID]) // a file that is not about this batch
			return
		case class.Complains(n.Message) == class.PlanFull && !l.state.Book.At(h).Listed():
			l.planFull()
			except = append(except, record.Exception{Handle: h, Finding: record.OffList})
		default:
			reasons[h] = scrub.Text(n.Message, n.Email)
			except = append(except, record.Exception{Handle: h, Finding: record.Rejected, Reason: reasons[h]})
		}
	}
	l.unlessSent(b, except, reasons)
	id := b.ID
	end := func() {
		l.receipt(b, now, len(except), "", func() {
			at := l.now().UnixNano()
			l.outbox = append(append(l.outbox, parts(id, at, except)...), &record.Settled{Batch: id, At: at, All: record.Applied})
		})
	}
	l.polls[id].under = true // until it has ended
	if len(reasons) == 0 {
		end()
		return
	}
	l.asideRefused(b, reasons, end)
}
