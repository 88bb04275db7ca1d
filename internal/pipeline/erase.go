package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/plan"
	"rollcall/internal/segment"
)

// erasure is one person's right to be forgotten, until it is proven. It is part of the state, so that a crash
// between any two stages resumes it.
type erasure struct {
	Sequence uint64       `json:"sequence"` // of the event
	Began    int64        `json:"began"`    // unix nanoseconds
	Stage    ledger.Stage `json:"stage"`
	Profile  string       `json:"profile,omitempty"`  // until what holds it is purged
	Contacts []uint32     `json:"contacts,omitempty"` // whose addresses are deleted, until then
	Known    int          `json:"known"`              // how many addresses the ledger or the event named
}

// erase begins an erasure: the profile is forgotten at once, and every address that it ever held, or that the
// event names, is to be deleted from the account.
func (s *State) erase(r *ledger.Row) {
	handles := s.roster.Erase(r.Profile, r.Sequence, s.touch)
	for _, e := range r.Emails {
		if h := s.roster.Intern(e); !slices.Contains(handles, h) {
			handles = append(handles, h)
		}
	}
	e := erasure{Sequence: r.Sequence, Began: s.at, Profile: string(r.Profile), Known: len(handles)}
	for _, h := range handles {
		e.Contacts = append(e.Contacts, uint32(h))
		*s.erasing.Put(uint32(h)) = true
		s.drop(h, false)
		d := s.dirty.Put(uint32(h))
		if d.since == 0 {
			d.since = r.Time
		}
		if s.book.At(h).Place() != plan.Nowhere {
			s.book.Put(h, plan.Nowhere, 0)
		}
		if s.flight.Of(h) == nil {
			s.window.Put(s.at, s.at, h)
		}
	}
	s.meta.Erasures = append(s.meta.Erasures, e)
}

// advance moves an erasure to a stage. What is shredded next must not be in the snapshot that replaces it.
func (s *State) advance(r *ledger.Erasure) {
	at := slices.IndexFunc(s.meta.Erasures, func(e erasure) bool { return e.Sequence == r.Sequence })
	if at < 0 {
		return
	}
	e := &s.meta.Erasures[at]
	e.Stage = r.Stage
	switch r.Stage {
	case ledger.Shredding:
		e.Profile, e.Contacts = "", nil
		s.sweepIdle()
	case ledger.Proven:
		s.meta.Erasures = slices.Delete(s.meta.Erasures, at, at+1)
	case ledger.Deleting, ledger.Rechecking, ledger.Purging:
	}
}

// Neighbours are the account's other destinations: a deletion takes a contact off their lists too.
type Neighbours interface {
	// Recheck returns once each of them has noted that these contacts are gone, and adds those again that it
	// desires. It fails where one can't be reached.
	Recheck(ctx context.Context, emails []string) error
}

// Purger overwrites what the broker holds of a person.
type Purger interface {
	// PurgePerson overwrites the destination's dead letters of a profile, and the events of the profile below a
	// sequence; names recognises them on an unkeyed stream.
	PurgePerson(ctx context.Context, p broker.Person, names func(*broker.Message) bool) (broker.Purged, error)
}

// proof is what came of an erasure's stages. It is no state: a stage that is done again finds nothing left.
type proof struct {
	busy    bool      // a stage's work is under way
	staged  bool      // a stage's end is on its way into the ledger
	again   time.Time // not before
	purged  broker.Purged
	shreds  []uint64 // erasures that the snapshot being stored covers
	shredAt bool     // the next pointer is followed by overwriting
}

// eraseOn does the next step of the oldest erasure that can go on.
func (l *loop) eraseOn(now time.Time) {
	if l.proof.busy || l.proof.staged || now.Before(l.proof.again) || l.stopping {
		return
	}
	for _, e := range l.state.meta.Erasures {
		switch e.Stage {
		case ledger.Deleting:
			if !l.deleted(&e) {
				continue
			}
			l.stage(e.Sequence, ledger.Rechecking)
		case ledger.Rechecking:
			l.recheck(&e)
		case ledger.Purging:
			l.purgePerson(&e)
		case ledger.Shredding:
			l.shred()
		case ledger.Proven:
		}
		return
	}
}

// deleted reports whether every contact of the erasure was deleted and looked up.
func (l *loop) deleted(e *erasure) bool {
	for _, h := range e.Contacts {
		if l.state.erasing.Get(h) != nil {
			return false
		}
	}
	return true
}

// stage notes that an erasure has come to a stage. Nothing else of it is done before that is committed.
func (l *loop) stage(sequence uint64, to ledger.Stage) {
	l.proof.staged = true
	l.outbox = append(l.outbox, &ledger.Erasure{At: time.Now().UnixNano(), Sequence: sequence, Stage: to})
}

func (l *loop) recheck(e *erasure) {
	emails := make([]string, 0, len(e.Contacts))
	for _, h := range e.Contacts {
		emails = append(emails, string(l.state.roster.Email(contact.Handle(h))))
	}
	if l.opts.Neighbours == nil || len(emails) == 0 {
		l.stage(e.Sequence, ledger.Purging)
		return
	}
	l.opts.at(AtRecheck)
	l.step(e.Sequence, ledger.Purging, func(ctx context.Context) error {
		defer l.opts.at(AtRechecked)
		return l.opts.Neighbours.Recheck(ctx, emails)
	})
}

func (l *loop) purgePerson(e *erasure) {
	if l.opts.Purger == nil {
		l.stage(e.Sequence, ledger.Shredding)
		return
	}
	person := broker.Person{
		Destination: l.opts.Destination, Stream: l.opts.Binding.Stream, Profile: e.Profile,
		ProfileKey: string(segment.ProfileKey(nil, []byte(e.Profile))), Below: e.Sequence,
	}
	l.opts.at(AtPerson)
	l.step(e.Sequence, ledger.Shredding, func(ctx context.Context) error {
		defer l.opts.at(AtPersonGone)
		purged, err := l.opts.Purger.PurgePerson(ctx, person, about(person.Profile))
		if err == nil {
			l.proof.purged = purged // the loop reads it after this task has ended
		}
		return err
	})
}

// about recognises a profile's events.
func about(profile string) func(*broker.Message) bool {
	var d segment.Decoder
	return func(m *broker.Message) bool {
		ev, _ := d.Decode(m.Subject, m.Header, m.Body)
		return string(ev.Profile) == profile
	}
}

// step does a stage's work beside the loop, and moves the erasure on once it is done.
func (l *loop) step(sequence uint64, to ledger.Stage, work func(context.Context) error) {
	l.proof.busy = true
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		err := work(ctx)
		return func() {
			l.proof.busy = false
			if err != nil {
				l.proof.again = time.Now().Add(5 * time.Second)
				l.log.Warn("an erasure cannot go on yet; it is tried again", zap.Uint64("sequence", sequence), zap.Error(err))
				return
			}
			l.stage(sequence, to)
		}
	})
}

// shred forces a snapshot without the persons, whose pointer is followed by overwriting what it replaces.
func (l *loop) shred() {
	if l.opts.Compactor == nil {
		l.prove()
		return
	}
	if l.storing || l.pointer != nil {
		return
	}
	l.proof.shreds = nil
	for _, e := range l.state.meta.Erasures {
		if e.Stage == ledger.Shredding {
			l.proof.shreds = append(l.proof.shreds, e.Sequence)
		}
	}
	l.opts.at(AtShred)
	l.proof.busy, l.proof.shredAt = true, true
	l.store(l.opts.Journal.Tail())
}

// shredded ends the erasures that a snapshot covers, or lets it be tried again.
func (l *loop) shredded(err error) {
	l.proof.busy = false
	if err != nil {
		l.proof.again = time.Now().Add(5 * time.Second)
		l.log.Warn("the journal of erased persons cannot be overwritten yet; it is tried again", zap.Error(err))
		return
	}
	l.prove()
}

// prove publishes what was done, and ends the erasures.
func (l *loop) prove() {
	var shredded []erasure
	for _, e := range l.state.meta.Erasures {
		if e.Stage == ledger.Shredding && (len(l.proof.shreds) == 0 || slices.Contains(l.proof.shreds, e.Sequence)) {
			shredded = append(shredded, e)
		}
	}
	left := len(shredded)
	l.proof.busy = left > 0
	for i := range shredded {
		l.opts.at(AtProof)
		l.receipted(l.receiptOf("erasure", l.proofOf(&shredded[i])), func() {
			left--
			l.proof.busy = left > 0
			l.stage(shredded[i].Sequence, ledger.Proven)
		})
	}
}

func (l *loop) proofOf(e *erasure) map[string]any {
	contacts := fmt.Sprintf("%d deleted and looked up", e.Known)
	if e.Known == 0 {
		contacts = "unknown here"
	}
	fields := map[string]any{
		"sequence": e.Sequence, "contacts": contacts, "began": time.Unix(0, e.Began).UTC().Format(time.RFC3339Nano),
		"dead_letters_overwritten": l.proof.purged.Letters, "events_overwritten": l.proof.purged.Events, "ledger": "replaced and overwritten",
		"remark": "bytes of events that the broker had superseded before leave its files when it compacts their block",
	}
	if !l.proof.purged.Until.IsZero() {
		fields["events_until"] = l.proof.purged.Until.UTC().Format(time.RFC3339)
		fields["remark"] = "stream " + l.opts.Binding.Stream + " does not allow single events to be overwritten: its age limit drops them by events_until"
	}
	return fields
}
