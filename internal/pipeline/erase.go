package pipeline

import (
	"context"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// Neighbours are the account's other destinations: a deletion takes a contact off their lists too.
type Neighbours interface {
	// Recheck returns once each of them has noted that these contacts are gone, and adds those again that it
	// desires, or once that is left for those that do not run, which it names. It fails where one can't be reached.
	Recheck(ctx context.Context, emails []string) (owed []string, err error)
}

// proof is what the loop knows of erasures besides their state.
type proof struct {
	busy    bool               // a step's work is under way
	tries   map[uint64]*trying // by the erasure's sequence
	shreds  []uint64           // erasures that the snapshot being stored covers
	shredAt bool               // the next pointer is followed by overwriting
}

// trying is how the loop goes on with one erasure.
type trying struct {
	step  uint64    // nothing is done before the state has come to this one: until then an entry is on its way (H33)
	again time.Time // not before
}

// tryOf returns how the loop goes on with an erasure.
func (p *proof) tryOf(sequence uint64) *trying {
	if p.tries == nil {
		p.tries = map[uint64]*trying{}
	}
	if p.tries[sequence] == nil {
		p.tries[sequence] = &trying{}
	}
	return p.tries[sequence]
}

// later lets an erasure that cannot go on be tried again in a while; the others go on.
func (p *proof) later(sequences ...uint64) {
	for _, sequence := range sequences {
		p.tryOf(sequence).again = time.Now().Add(5 * time.Second)
	}
}

// waits reports whether nothing is done for an erasure now.
func (p *proof) waits(e *state.Erasure, now time.Time) bool {
	try := p.tries[e.Sequence]
	return try != nil && (e.Steps < try.step || now.Before(try.again))
}

// eraseOn does the next step of the oldest erasure that can go on.
func (l *loop) eraseOn(now time.Time) {
	if l.proof.busy || l.stopping {
		return
	}
	if len(l.state.Meta.Erasures) == 0 {
		l.proof.tries = nil
	}
	for i := range l.state.Meta.Erasures {
		e := l.state.Meta.Erasures[i]
		if l.proof.waits(&e, now) || e.Stage == record.Deleting && !l.deleted(&e) {
			continue
		}
		switch e.Stage {
		case record.Deleting:
			l.stage(e.Sequence, record.Rechecking, nil)
		case record.Rechecking:
			l.recheck(&e)
		case record.Purging:
			l.purgePerson(&e)
		case record.Shredding:
			l.shred()
		case record.Proven:
		}
		return
	}
}

// deleted reports whether every contact of the erasure was deleted and looked up.
func (l *loop) deleted(e *state.Erasure) bool {
	for _, h := range e.Contacts {
		if l.state.Erasing.Get(h) != nil {
			return false
		}
	}
	return true
}

// stage notes a step of an erasure. Nothing else of it is done before that is committed.
func (l *loop) stage(sequence uint64, to record.Stage, note *record.ErasureNote) {
	steps := uint64(0)
	for i := range l.state.Meta.Erasures {
		if e := &l.state.Meta.Erasures[i]; e.Sequence == sequence {
			steps = e.Steps
		}
	}
	l.proof.tryOf(sequence).step = steps + 1
	l.outbox = append(l.outbox, &record.Erasure{At: l.now().UnixNano(), Sequence: sequence, Stage: to, Note: note})
}

func (l *loop) recheck(e *state.Erasure) {
	emails := make([]string, 0, len(e.Contacts))
	for _, h := range e.Contacts {
		emails = append(emails, string(l.state.Roster.Email(contact.Handle(h))))
	}
	if l.opts.Neighbours == nil || len(emails) == 0 {
		l.stage(e.Sequence, record.Purging, nil)
		return
	}
	l.opts.at(AtRecheck)
	l.step(e.Sequence, func(ctx context.Context) (record.Stage, *record.ErasureNote, error) {
		defer l.opts.at(AtRechecked)
		owed, err := l.opts.Neighbours.Recheck(ctx, emails)
		return record.Purging, &record.ErasureNote{Owed: owed}, err
	})
}

// stepBound is how long one step's work may take. Whatever takes longer is done in several steps, each going on where the
// one before has ended.
const stepBound = time.Minute

// step does a step's work beside the loop, and notes what came of it.
func (l *loop) step(sequence uint64, work func(context.Context) (record.Stage, *record.ErasureNote, error)) {
	l.proof.busy = true
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, stepBound)
		defer cancel()
		to, note, err := work(ctx)
		return func() {
			l.proof.busy = false
			if err != nil {
				l.proof.later(sequence)
				l.log.Warn("an erasure cannot go on yet; it is tried again", zap.Uint64("sequence", sequence), zap.Error(err))
				return
			}
			l.stage(sequence, to, note)
		}
	})
}
