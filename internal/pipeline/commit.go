package pipeline

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
)

// proposal is an entry on its way to the journal, with the dead letters that must be confirmed first.
type proposal struct {
	entry   []byte
	letters []broker.DeadLetter
	began   time.Time
	intents []*record.Intent
	folded  *gathered
	pointer *ledger.Pointer // a snapshot's pointer instead of an entry

	outcomes bool // some are in it
}

const (
	maxOutcomes = 400 << 10 // bytes of outcomes in one entry: none is added to more
	maxPlain    = 12        // entries of events alone in a row

	mostOutcomes = ledger.MaxEntry - 100<<10 // bytes with the last of them, which leaves room for a verdict and small commands
)

// appendation is what came of a proposal.
type appendation struct {
	proposal
	seq uint64 // of the entry
	err error
}

// appender publishes one entry at a time. It ends when its channel is closed.
func (l *loop) appender(ctx context.Context) {
	for p := range l.append {
		a := appendation{proposal: p}
		switch {
		case p.pointer != nil:
			l.opts.at(AtPointer)
			_, a.err = l.opts.Compactor.CommitPointer(ctx, *p.pointer)
		default:
			if a.err = l.confirm(ctx, p.letters); a.err == nil {
				l.before(&p)
				a.seq, a.err = l.opts.Journal.Append(ctx, p.entry)
			}
		}
		select {
		case l.appended <- a:
		case <-ctx.Done():
		}
	}
}

// confirm publishes dead letters until the broker has them: the commit that covers them waits (I1).
func (l *loop) confirm(ctx context.Context, letters []broker.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	for {
		err := l.opts.Letters.PublishDeadLetters(ctx, letters)
		if err == nil || ctx.Err() != nil {
			l.opts.at(AtLettered)
			return err
		}
		l.log.Warn("dead letters cannot be stored; intake waits for the broker", zap.Error(err), zap.Int("letters", len(letters)))
		if !pause(ctx) {
			return ctx.Err()
		}
	}
}

// propose builds the next entry from everything that gathered and hands it to the appender. Outcomes
// come first, then what is planned from committed state, then the events.
func (l *loop) propose(now time.Time) {
	if l.busy {
		return
	}
	p := proposal{began: time.Now()}
	if l.pointer != nil {
		p.pointer, l.pointer = l.pointer, nil
		l.busy = true
		l.append <- p
		return
	}
	entry, outcomes := l.outcomes(l.buffer())
	p.outcomes = outcomes
	for _, lt := range l.letters {
		p.letters = append(p.letters, lt.DeadLetter)
	}
	l.letters = nil
	if rec := l.verdict(now); rec != nil {
		l.aheadOf(rec)
		entry = record.AppendRecord(entry, rec)
		outcomes = true // a plan is made from committed state alone, and this changes it
	}
	if !l.stopping {
		for _, rec := range l.dispatch(now, outcomes) {
			entry = record.AppendRecord(entry, rec)
			if i, ok := rec.(*record.Intent); ok {
				p.intents = append(p.intents, i)
			}
		}
	}
	if g := l.folding; g != nil && len(entry)+len(g.rows) < ledger.MaxEntry-(1<<10) {
		p.letters = append(p.letters, l.due(g)...)
		entry = l.fold(&p, entry, now)
	}
	if len(entry) == 1 {
		return
	}
	for _, lt := range p.letters {
		l.counts.letters[lt.Reason]++
	}
	p.entry = entry
	l.plain = 0
	l.submit(p)
}

func (l *loop) submit(p proposal) {
	l.entries[0], l.entries[1] = l.entries[1], p.entry
	l.busy = true
	l.append <- p
}

// buffer is an empty entry over memory that is not in use: the entry before may not be applied yet.
func (l *loop) buffer() []byte { return record.NewEntry(l.entries[0][:0]) }

// outcomes appends what came of requests, as much as one entry should hold, and reports whether there is
// any, in it or left over.
func (l *loop) outcomes(entry []byte) ([]byte, bool) {
	n := 0
	for n < len(l.outbox) && len(entry) < maxOutcomes {
		before := len(entry)
		if entry = record.AppendRecord(entry, l.outbox[n]); n > 0 && len(entry) > mostOutcomes {
			entry = entry[:before] // it begins the next one
			break
		}
		n++
	}
	l.outbox = append([]record.Record(nil), l.outbox[n:]...)
	return entry, n > 0
}

// fold appends the events at hand.
func (l *loop) fold(p *proposal, entry []byte, now time.Time) []byte {
	g := l.folding
	l.folding, p.folded = nil, g
	l.opts.at(AtFolding)
	return record.AppendRecord(entry, &record.Commit{
		At: now.UnixNano(), Cursor: g.cursor, Time: g.time, Events: g.events, Rows: g.rows,
	})
}

// proposePlain hands the appender an entry of events alone, which needs nothing of the state, so that the
// broker writes it while the entry before is applied. A few in a row at most: planning must have its turn.
func (l *loop) proposePlain(now time.Time) {
	if l.folding == nil && !l.stopping {
		select {
		case l.folding = <-l.batches:
		default:
		}
	}
	g := l.folding
	if g == nil || l.plain >= maxPlain || len(g.letters)+len(l.letters)+len(l.outbox) > 0 || l.pointer != nil ||
		l.stopping || len(l.state.Roster.Pending()) > 0 {
		return
	}
	l.plain++
	p := proposal{began: time.Now()}
	p.entry = l.fold(&p, l.buffer(), now)
	l.submit(p)
}

// due picks the dead letters of the events at hand: an exit's fields are not looked at where it leaves
// the profile in no segment.
func (l *loop) due(g *gathered) []broker.DeadLetter {
	var out []broker.DeadLetter
	for _, lt := range g.letters {
		if lt.exit && !l.elsewhere(g, &lt) {
			continue
		}
		out = append(out, lt.DeadLetter)
	}
	return out
}

// elsewhere reports whether the letter's profile is in another segment once the rows before it are
// folded.
func (l *loop) elsewhere(g *gathered, lt *letter) bool {
	in := l.state.Roster.InOther(lt.profile, lt.segment)
	_ = record.Rows(g.rows, func(r *record.Row) {
		if r.Kind == record.RowMembership && r.Sequence < lt.Sequence && r.Segment != lt.segment &&
			string(r.Profile) == string(lt.profile) {
			in = r.Entered
		}
	})
	return in
}

// committed applies an entry that the broker has, acknowledges what it covers, and sends what it
// intends.
func (l *loop) committed(a appendation) error {
	l.busy = false
	if a.err != nil {
		return fmt.Errorf("commit to the ledger of %s: %w", l.opts.Destination, a.err)
	}
	if a.pointer != nil {
		l.opts.at(AtPointed)
		l.purge(*a.pointer)
		return nil
	}
	l.after(&a.proposal)
	l.proposePlain(l.now())
	if err := l.state.Apply(a.entry); err != nil {
		return fmt.Errorf("apply an entry of %s: %w", l.opts.Destination, err)
	}
	now := time.Now()
	s := &l.state.Counts
	s.Commits++
	s.CommitNanos += uint64(now.Sub(a.began))
	s.LedgerBytes += uint64(len(a.entry))
	l.journal += int64(len(a.entry))
	l.opts.Observer.Committed(now.Sub(a.began), len(a.entry))
	for _, i := range a.intents {
		l.start(i, a.began, now)
	}
	if g := a.folded; g != nil {
		s.Omitted += g.omitted
		s.Kinds[segment.Unknown].Stale += g.passed
		for kind, n := range g.dead {
			s.Kinds[kind].Dead += n
		}
		l.pending, l.caughtUp, l.atEnd = g.pending, g.pending == 0, g.pending == 0
		if l.atEnd {
			l.caughtUpAt(l.now())
		}
		l.acknowledge(g.cursor)
		l.spare <- g
	}
	l.compact(a.seq)
	return nil
}

// acknowledge lets the broker know; the ledger's cursor is the truth, so that a failure costs nothing.
func (l *loop) acknowledge(cursor uint64) {
	l.cursor = cursor
	if l.acking {
		return
	}
	l.acking = true
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		l.opts.at(AtAck)
		err := l.opts.Source.Ack(ctx, cursor)
		l.opts.at(AtAcked)
		return func() {
			l.acking = false
			if err != nil {
				l.log.Debug("an acknowledgement was not confirmed", zap.Error(err))
			}
			if l.cursor > cursor && err == nil && !l.stopping {
				l.acknowledge(l.cursor)
			}
		}
	})
}
