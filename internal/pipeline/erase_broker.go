package pipeline

import (
	"context"

	"rollcall/internal/broker"
	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
	"rollcall/internal/state"
)

// Purger finds and overwrites what the broker holds of a person.
type Purger interface {
	// FindPerson finds the destination's dead letters of a profile, and the events of the profile below its erasure, as
	// many as one step overwrites; from is where the search of the events goes on. names recognises them on an unkeyed
	// stream. An empty answer is that nothing is left.
	FindPerson(ctx context.Context, p broker.Person, from uint64, names func(*broker.Message) bool) (broker.Traces, error)
	// OverwritePerson overwrites what was found. What is gone already is passed over.
	OverwritePerson(ctx context.Context, p broker.Person, t broker.Traces) error
}

// purgePerson does a step of overwriting what the broker holds of a person: it searches on, notes what it found, and
// overwrites that in the next step. Whatever is stopped between goes on behind the last note.
func (l *loop) purgePerson(e *state.Erasure) {
	if l.opts.Purger == nil {
		l.stage(e.Sequence, record.Shredding, nil)
		return
	}
	person := broker.Person{
		Destination: l.opts.Destination, Stream: l.opts.Binding.Stream, Profile: e.Profile,
		ProfileKey: string(segment.ProfileKey(nil, []byte(e.Profile))), Below: e.Sequence,
	}
	last := e.Found
	l.opts.at(AtPerson)
	l.step(e.Sequence, func(ctx context.Context) (record.Stage, *record.ErasureNote, error) {
		defer l.opts.at(AtPersonGone)
		if len(last.Letters)+len(last.Events) > 0 {
			err := l.opts.Purger.OverwritePerson(ctx, person, broker.Traces{Letters: last.Letters, Events: last.Events})
			last.Letters, last.Events = nil, nil
			return record.Purging, &last, err
		}
		t, err := l.opts.Purger.FindPerson(ctx, person, last.Next, about(person.Profile))
		note := &record.ErasureNote{Letters: t.Letters, Events: t.Events, Next: t.Next, Kept: t.Kept}
		if !t.Until.IsZero() {
			note.Until = t.Until.UnixNano()
		}
		if t.Next >= person.Below && len(t.Letters)+len(t.Events) == 0 {
			return record.Shredding, note, err
		}
		return record.Purging, note, err
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
