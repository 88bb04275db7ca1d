package pipeline

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/sendgrid"
)

// start makes the request of a committed intent, unless its deadline has passed: then it certainly had
// no effect. The deadline counts from before the intent's publish, on the wall's clock and on the monotonic
// one, whichever is later (H1): began has both.
func (l *loop) start(i *ledger.Intent, began, now time.Time) {
	spent := max(now.Sub(began), now.Round(0).Sub(began.Round(0)))
	deadline := now.Add(l.opts.Policy.Timeout - spent)
	up := l.uploads[i.Batch]
	delete(l.uploads, i.Batch)
	if !now.Before(deadline) {
		l.finished(i.Operation, up)
		l.outbox = append(l.outbox, &ledger.NoEffect{Batch: i.Batch, At: now.UnixNano(), Due: now.UnixNano()})
		return
	}
	if i.Operation != contact.Upsert {
		l.startRemoval(i, deadline)
		return
	}
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		job, err := l.opts.Sender.Upsert(ctx, up.batch.Bytes())
		return func() { l.upserted(i, up, job, err) }
	})
}

// finished gives back what a request used.
func (l *loop) finished(op contact.Operation, up *upload) {
	l.sending[op]--
	if up != nil {
		up.batch.Release()
	}
}

// upserted turns the answer to an upsert into an outcome.
func (l *loop) upserted(i *ledger.Intent, up *upload, job string, err error) {
	l.finished(contact.Upsert, up)
	now := time.Now()
	if err == nil {
		l.well()
		l.outbox = append(l.outbox, &ledger.Accepted{Batch: i.Batch, At: now.UnixNano(), Job: job})
		l.polls[i.Batch] = l.firstPoll(now)
		return
	}
	var answer *sendgrid.Error
	if !errors.As(err, &answer) {
		l.unsure(i, err)
		return
	}
	switch answer.Class {
	case sendgrid.BadContacts:
		l.refused(i, up.handles, answer)
	case sendgrid.BadRequest, sendgrid.TooLarge:
		l.halve(i, up.handles, answer)
	default:
		l.failed(i, answer)
	}
}

// well notes that SendGrid answers as it should.
func (l *loop) well() {
	l.retry.Reset()
	l.quietTill = time.Time{}
	if l.suspended != "" && l.suspended != withoutConsent {
		l.log.Info("resumed: SendGrid takes requests again", zap.String("was", l.suspended))
		l.suspended = ""
	}
}

// failed handles every answer that says nothing of single contacts.
func (l *loop) failed(i *ledger.Intent, e *sendgrid.Error) {
	now := time.Now()
	switch e.Class {
	case sendgrid.Unauthorized:
		l.suspend("key", e)
	case sendgrid.Forbidden:
		l.suspend("forbidden", e)
	case sendgrid.NotFound:
		l.suspend("list", e)
	default:
		l.backOff(now, e.RetryAfter)
		l.log.Warn("a request to SendGrid failed; it is tried again",
			zap.Stringer("operation", i.Operation), zap.Int("contacts", len(i.Handles)), zap.Error(e))
	}
	if e.NoEffect() {
		l.outbox = append(l.outbox, &ledger.NoEffect{Batch: i.Batch, At: now.UnixNano(), Due: now.UnixNano()})
		return
	}
	l.doubt(i)
}

func (l *loop) unsure(i *ledger.Intent, err error) {
	l.backOff(time.Now(), 0)
	l.log.Warn("a request to SendGrid got no answer: its contacts are in doubt until the horizon",
		zap.Stringer("operation", i.Operation), zap.Int("contacts", len(i.Handles)), zap.Error(err))
	l.doubt(i)
}

func (l *loop) doubt(i *ledger.Intent) {
	p := l.opts.Policy
	until := time.Unix(0, i.At).Add(p.Timeout + p.scaled(p.Horizon))
	l.outbox = append(l.outbox, &ledger.Doubt{Batch: i.Batch, Until: until.UnixNano()})
	l.polls[i.Batch] = &poll{at: until}
}

// backOff lets the destination rest before its next request.
func (l *loop) backOff(now time.Time, atLeast time.Duration) {
	if now.Before(l.quietTill) {
		return // several requests of one trouble
	}
	l.quietTill = now.Add(max(l.retry.NextBackOff(), atLeast))
}

func (l *loop) suspend(reason string, e *sendgrid.Error) {
	l.probeAt = time.Now().Add(l.opts.Policy.scaled(30 * time.Second))
	if l.suspended == reason {
		return
	}
	l.suspended = reason
	l.log.Error("suspended: events are taken over, nothing is sent; it resumes by itself once SendGrid allows it (see: consumer check)",
		zap.String("reason", reason), zap.Error(e))
}

// probe asks whether a suspended destination could be sent to again.
func (l *loop) probe(now time.Time) {
	if l.probing || now.Before(l.probeAt) {
		return
	}
	l.probing = true
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, l.opts.Policy.Timeout)
		defer cancel()
		_, err := l.opts.Prober.List(ctx, l.opts.Binding.List)
		return func() {
			l.probing = false
			if err == nil {
				l.well()
				return
			}
			l.probeAt = time.Now().Add(l.opts.Policy.scaled(30 * time.Second))
		}
	})
}

// refused sets aside the contacts that a 400 names; the others are due again at once.
func (l *loop) refused(i *ledger.Intent, handles []contact.Handle, e *sendgrid.Error) {
	named := map[contact.Handle]string{}
	byEmail := map[string]contact.Handle{}
	for _, h := range handles {
		byEmail[string(l.state.roster.Email(h))] = h
	}
	for _, bad := range e.Invalid {
		h, ok := byEmail[bad.Email]
		if !ok && bad.Index >= 0 && bad.Index < len(handles) {
			h, ok = handles[bad.Index], true
		}
		if ok {
			named[h] = scrub(bad.Message, string(l.state.roster.Email(h)))
		}
	}
	if len(named) == 0 {
		l.halve(i, handles, e)
		return
	}
	l.well()
	l.aside(named, string("sendgrid_refused"), func() {
		now := time.Now().UnixNano()
		rec := &ledger.NoEffect{Batch: i.Batch, At: now, Due: now}
		for h, reason := range named {
			rec.Refused = append(rec.Refused, ledger.Refusal{Handle: h, Reason: reason})
		}
		l.outbox = append(l.outbox, rec)
		l.lastCut = time.Time{}
	})
}

// halve looks for the contact that a 400 does not name: the batch is cut in two until one is left.
func (l *loop) halve(i *ledger.Intent, handles []contact.Handle, e *sendgrid.Error) {
	now := time.Now().UnixNano()
	if len(handles) == 1 {
		reason := scrub(e.Message, string(l.state.roster.Email(handles[0])))
		l.aside(map[contact.Handle]string{handles[0]: reason}, "sendgrid_refused", func() {
			l.outbox = append(l.outbox, &ledger.NoEffect{
				Batch: i.Batch, At: now, Due: now,
				Refused: []ledger.Refusal{{Handle: handles[0], Reason: reason}},
			})
		})
		return
	}
	l.outbox = append(l.outbox, &ledger.NoEffect{Batch: i.Batch, At: now, Due: now})
	mid := len(handles) / 2
	l.halves = append(l.halves, append([]contact.Handle(nil), handles[:mid]...), append([]contact.Handle(nil), handles[mid:]...))
	for _, h := range handles {
		l.suspect[h] = true
	}
}

// aside publishes the dead letters of contacts that SendGrid refused: each holds the event that last
// set the contact's fields. then runs on the loop once all are confirmed.
func (l *loop) aside(reasons map[contact.Handle]string, reason string, then func()) {
	type refusal struct{ detail string }
	sequences := make([]uint64, 0, len(reasons))
	details := map[uint64]refusal{}
	for h, detail := range reasons {
		sequence := l.state.roster.Source(h)
		sequences = append(sequences, sequence)
		details[sequence] = refusal{detail}
	}
	l.counts.letters[reason] += uint64(len(reasons))
	l.task(func(ctx context.Context) func() {
		for {
			letters, err := l.lettersOf(ctx, sequences)
			if err == nil {
				for i := range letters {
					letters[i].Reason, letters[i].Detail = reason, details[letters[i].Sequence].detail
				}
				err = l.opts.Letters.PublishDeadLetters(ctx, letters)
			}
			if err == nil {
				return then
			}
			if ctx.Err() != nil {
				return nil
			}
			l.log.Warn("dead letters cannot be stored; they are tried again", zap.Error(err))
			pause(ctx, time.Second)
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
			Destination: l.opts.Destination, ProfileKey: "~", Sequence: sequence, Attempts: 1, Time: time.Now(), BodyExpired: true,
		}
		if m := have[sequence]; m != nil {
			lt.Subject, lt.Header, lt.Body, lt.BodyExpired = m.Subject, m.Header, m.Body, false
			lt.ProfileKey = profileKey(m)
		}
		letters = append(letters, lt)
	}
	return letters, nil
}
