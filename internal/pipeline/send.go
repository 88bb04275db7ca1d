package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/health"
	"rollcall/internal/ledger/record"
	"rollcall/internal/scrub"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/class"
	"rollcall/internal/translate"
)

// start makes the request of a committed intent, unless its deadline has passed: then it certainly had
// no effect. The deadline counts from before the intent's publish, on the wall's clock and on the monotonic
// one, whichever is later (H1): began and now have both, of the system.
func (l *loop) start(i *record.Intent, began, now time.Time) {
	spent := max(now.Sub(began), now.Round(0).Sub(began.Round(0)))
	deadline := now.Add(l.opts.Policy.Timeout - spent)
	up := l.uploads[i.Batch]
	delete(l.uploads, i.Batch)
	if !now.Before(deadline) {
		l.finished(i, up)
		at := l.now().UnixNano()
		l.outbox = append(l.outbox, &record.NoEffect{Batch: i.Batch, At: at, Due: at})
		return
	}
	if i.Operation != contact.Upsert {
		l.startRemoval(i, deadline)
		return
	}
	share := l.shareOf(i)
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithDeadline(share(ctx), deadline)
		defer cancel()
		l.opts.at(AtSend)
		job, err := l.opts.Sender.Upsert(ctx, up.batch.Bytes())
		l.opts.at(AtAnswered)
		return func() { l.upserted(i, up, job, err) }
	})
}

// finished gives back what a request used.
func (l *loop) finished(i *record.Intent, up *upload) {
	l.sending[i.Operation]--
	if l.shared[i.Batch] {
		delete(l.shared, i.Batch)
		l.sharing[i.Operation]--
	}
	if up != nil {
		up.batch.Release()
	}
}

// upserted turns the answer to an upsert into an outcome.
func (l *loop) upserted(i *record.Intent, up *upload, job string, err error) {
	l.finished(i, up)
	now := l.now()
	if err == nil {
		l.noteHealth(l.health.Took(), nil)
		l.outbox = append(l.outbox, &record.Accepted{Batch: i.Batch, At: now.UnixNano(), Job: job})
		l.polls[i.Batch] = l.firstPoll(now)
		return
	}
	var answer *sendgrid.Error
	if !errors.As(err, &answer) {
		l.unsure(i, err)
		return
	}
	switch answer.Class {
	case sendgrid.BadContacts, sendgrid.BadRequest, sendgrid.TooLarge:
		if class.Complains(answer.Message) == class.PlanFull {
			l.planFull()
			l.failed(i, answer)
			return
		}
		l.narrow(i, up, answer)
	case sendgrid.OverBudget:
		if up.part {
			l.halves = append(l.halves, up.handles)
			for _, h := range up.handles {
				l.suspect[h] = true
			}
		}
		l.failed(i, answer)
	default:
		l.failed(i, answer)
	}
}

// failed handles every answer that says nothing of single contacts.
func (l *loop) failed(i *record.Intent, e *sendgrid.Error) {
	now := l.now()
	change := l.health.Failed(failure(e), now)
	l.noteHealth(change, e)
	if change == health.Failed {
		l.log.Warn("a request to SendGrid failed; it is tried again",
			zap.Stringer("operation", i.Operation), zap.Int("contacts", len(i.Handles)), zap.Error(e))
	}
	if e.NoEffect() {
		l.outbox = append(l.outbox, &record.NoEffect{Batch: i.Batch, At: now.UnixNano(), Due: now.UnixNano()})
		return
	}
	l.doubt(i)
}

func (l *loop) unsure(i *record.Intent, err error) {
	l.health.Failed(health.Failure{Text: err.Error()}, l.now())
	l.log.Warn("a request to SendGrid got no answer: its contacts are in doubt until the horizon",
		zap.Stringer("operation", i.Operation), zap.Int("contacts", len(i.Handles)), zap.Error(err))
	l.doubt(i)
}

func (l *loop) doubt(i *record.Intent) {
	p := l.opts.Policy
	until := time.Unix(0, i.At).Add(p.Timeout + p.Scaled(p.Horizon))
	l.outbox = append(l.outbox, &record.Doubt{Batch: i.Batch, Until: until.UnixNano()})
	l.polls[i.Batch] = &poll{at: until}
	l.opts.at(AtDoubt)
}

// narrow sets aside the contacts that a 400 names, or the one that is left where it names none. The others
// go again at once, in the parts that find the culprits in the fewest requests.
func (l *loop) narrow(i *record.Intent, up *upload, e *sendgrid.Error) {
	handles := up.handles
	blamed, again := sendgrid.Narrow(len(handles), func(n int) string { return string(l.state.Roster.Email(handles[n])) }, e, up.part)
	l.answered(sendgrid.RouteUpsert)
	if len(handles) == 1 && len(e.Invalid) == 0 && l.health.Lone(l.now()) {
		l.log.Warn("SendGrid refuses one contact after the other without naming any: is the mapping right? (see: consumer dead-letters)")
	}
	named := make(map[contact.Handle]string, len(blamed))
	for _, r := range blamed {
		named[handles[r.Index]] = scrub.Text(r.Reason, string(l.state.Roster.Email(handles[r.Index])))
	}
	if l.leaveInDoubt(i.Batch, handles, named) {
		return
	}
	b := l.state.Flight.Get(i.Batch)
	l.stillSent(b, named)
	refusals := make([]record.Refusal, 0, len(named))
	for _, h := range handles {
		if reason, refused := named[h]; refused {
			refusals = append(refusals, record.Refusal{Handle: h, Reason: reason})
		}
	}
	end := func() {
		l.divide(handles, again)
		l.without(i, refusals)
	}
	if len(named) == 0 {
		end()
		return
	}
	l.aside(b, named, segment.ReasonSendGridRefused, end)
}

// divide keeps the parts of a refused batch together for when its end is committed.
func (l *loop) divide(handles []contact.Handle, parts [][]int) {
	for _, part := range parts {
		half := make([]contact.Handle, len(part))
		for n, at := range part {
			half[n] = handles[at]
			l.suspect[half[n]] = true
		}
		l.halves = append(l.halves, half)
	}
}

// without ends a batch that had no effect: who is refused is parked.
func (l *loop) without(i *record.Intent, refusals []record.Refusal) {
	now := l.now().UnixNano()
	l.outbox = append(l.outbox, withoutParts(i.Batch, now, refusals)...)
	l.lastCut = time.Time{}
}

// stillSent keeps of what SendGrid refused the contacts that are still as they were sent. What nothing selects any more nobody
// misses, and what another event sets by now is tried anew: neither gets a dead letter, so neither may be parked as refused.
func (l *loop) stillSent(b *flight.Batch, reasons map[contact.Handle]string) {
	for _, it := range b.Items {
		if !l.asSent(it) {
			delete(reasons, it.Handle)
		}
	}
}

// asSent reports whether a contact's fields are still those that were sent, of the same event.
func (l *loop) asSent(it flight.Item) bool {
	r := l.state.Roster
	return it.Source != 0 && it.Source == r.Source(it.Handle) && it.Hash == r.Hash(it.Handle)
}

// unlessSent keeps the refusals of a job's exceptions as stillSent does, and turns the others into how those contacts stood before.
func (l *loop) unlessSent(b *flight.Batch, exceptions []record.Exception, reasons map[contact.Handle]string) {
	l.stillSent(b, reasons)
	for n, e := range exceptions {
		if _, kept := reasons[e.Handle]; kept || e.Finding != record.Rejected {
			continue
		}
		exceptions[n] = record.Exception{Handle: e.Handle, Finding: record.OffList}
		if l.state.Book.At(e.Handle).Listed() {
			exceptions[n].Finding = record.OnList
		}
	}
}

// aside publishes the dead letters of contacts that SendGrid refused: each holds the event that set the contact's fields as they
// were sent. then runs on the loop once all are confirmed.
func (l *loop) aside(b *flight.Batch, reasons map[contact.Handle]string, reason segment.Reason, then func()) {
	details := make(map[uint64]string, len(reasons))
	for _, it := range b.Items {
		if detail, ok := reasons[it.Handle]; ok {
			details[it.Source] = detail
		}
	}
	l.asideSequences(details, reason, then)
}

// asideSequences publishes events again by their sequence as dead letters, each with its detail.
func (l *loop) asideSequences(details map[uint64]string, reason segment.Reason, then func()) {
	sequences := slices.Sorted(maps.Keys(details))
	l.counts.letters[string(reason)] += uint64(len(sequences))
	l.task(func(ctx context.Context) func() {
		l.opts.at(AtAside)
		for {
			letters, err := l.lettersOf(ctx, sequences)
			if err == nil {
				for i := range letters {
					letters[i].Reason, letters[i].Detail = string(reason), details[letters[i].Sequence]
				}
				err = l.opts.Letters.PublishDeadLetters(ctx, letters)
			}
			if err == nil {
				l.opts.at(AtAsideDone)
				return then
			}
			if ctx.Err() != nil {
				return nil
			}
			l.log.Warn("dead letters cannot be stored; they are tried again", zap.Error(err))
			pause(ctx)
		}
	})
}

// lettersOf reads events again by sequence, as dead letters to be. One that has aged out or was
// replaced has no body.
func (l *loop) lettersOf(ctx context.Context, sequences []uint64) ([]broker.DeadLetter, error) {
	messages, err := l.opts.Stream.ReadSequences(ctx, l.opts.Binding.Stream, sequences)
	if err != nil {
		return nil, err
	}
	have := map[uint64]*broker.Message{}
	for i := range messages {
		have[messages[i].Sequence] = &messages[i]
	}
	letters := make([]broker.DeadLetter, 0, len(sequences))
	for _, sequence := range sequences {
		lt := broker.DeadLetter{
			Destination: l.opts.Destination, ProfileKey: "~", Sequence: sequence, Attempts: 1, Time: l.now(), BodyExpired: true,
		}
		if m := have[sequence]; m != nil {
			lt.Subject, lt.Header, lt.Body, lt.BodyExpired = m.Subject, m.Header, m.Body, false
			lt.ProfileKey = translate.ProfileKey(messageOf(m))
		}
		letters = append(letters, lt)
	}
	return letters, nil
}
