package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Person names a profile whose traces in the broker are to be overwritten.
type Person struct {
	Destination string
	Stream      string
	Profile     string // its id, to recognise its events on an unkeyed stream
	ProfileKey  string // its subject key
	Below       uint64 // the sequence of its erasure
}

// Traces are messages that hold a person, by their sequences, which name nobody.
type Traces struct {
	Letters, Events []uint64
	Next            uint64    // the sequence at which the search for events goes on; Person.Below once it has ended
	Kept            bool      // the stream lets nobody overwrite a single event: none is looked for
	Until           time.Time // of such a stream: when its age limit has dropped the events; zero is never
}

const (
	mostTraces = 2000             // messages found at once: an entry of the ledger names them, and a step overwrites them
	searchFor  = 20 * time.Second // how long one search reads, so that whatever it found is noted before its deadline
)

var errEnough = errors.New("enough was found")

// FindPerson finds the destination's dead letters of the profile, and its events from a sequence to the one of its
// erasure: by subject where they are keyed, event by event where they are not, on a stream that takes both in both ways.
// names tells of an unkeyed event whether it is about the profile. A search that takes long ends before the last event,
// at Next; an error means that nothing was found out.
func (c *Conn) FindPerson(ctx context.Context, p Person, from uint64, names func(m *Message) bool) (Traces, error) {
	t := Traces{Next: from}
	err := c.find(ctx, Range{Stream: DeadLetterStream, Filters: []string{deadLetters(p)}, HeadersOnly: true}, func(m Message) {
		t.Letters = append(t.Letters, m.Sequence)
	}, func() bool { return len(t.Letters) >= mostTraces })
	if errors.Is(err, errEnough) {
		return t, nil // these are overwritten first
	}
	if err != nil {
		return Traces{}, fmt.Errorf("find the dead letters of an erased profile: %w", err)
	}
	state, err := c.InspectStream(ctx, p.Stream)
	if err != nil {
		return Traces{}, err
	}
	if !state.Deletable {
		t.Kept, t.Next = true, p.Below
		if state.MaxAge > 0 {
			t.Until = time.Now().Add(state.MaxAge)
		}
		return t, nil
	}
	if err := c.findEvents(ctx, p, state, &t, names); err != nil {
		return Traces{}, fmt.Errorf("find the events of an erased profile: %w", err)
	}
	return t, nil
}

func deadLetters(p Person) string { return "rollcall.dead." + p.Destination + "." + p.ProfileKey }

// findEvents searches the event stream behind t.Next.
func (c *Conn) findEvents(ctx context.Context, p Person, state StreamState, t *Traces, names func(m *Message) bool) error {
	r := Range{Stream: p.Stream, From: max(t.Next, 1), To: p.Below - 1, Filters: []string{"segments.membership.*." + p.ProfileKey}}
	if t.Next >= p.Below || p.Below <= 1 {
		t.Next = p.Below
		return nil
	}
	if r.HeadersOnly = state.Keyed; !state.Keyed {
		r.Filters = []string{unkeyedMembership}
		if _, keyed := takes(state.Subjects); keyed || len(state.Subjects) == 0 {
			r.Filters = append(r.Filters, "segments.membership.*."+p.ProfileKey)
		}
	}
	ends, next := time.Now().Add(searchFor), t.Next
	err := c.find(ctx, r, func(m Message) {
		if strings.Count(m.Subject, ".") > 2 || names(&m) {
			t.Events = append(t.Events, m.Sequence)
		}
		next = m.Sequence + 1
	}, func() bool { return len(t.Events) >= mostTraces || time.Now().After(ends) })
	switch {
	case errors.Is(err, errEnough), err != nil && next > t.Next:
		t.Next = next
		return nil
	case err != nil:
		return err
	}
	t.Next = p.Below
	return nil
}

// find visits messages until there are enough; then it returns errEnough.
func (c *Conn) find(ctx context.Context, r Range, visit func(Message), enough func() bool) error {
	return c.ReadRange(ctx, r, func(m Message) error {
		visit(m)
		if enough() {
			return errEnough
		}
		return nil
	})
}

// OverwritePerson overwrites what FindPerson found. What is gone by now is passed over.
func (c *Conn) OverwritePerson(ctx context.Context, p Person, t Traces) error {
	if err := c.overwrite(ctx, DeadLetterStream, t.Letters); err != nil {
		return fmt.Errorf("overwrite the dead letters of an erased profile: %w", err)
	}
	if err := c.overwrite(ctx, p.Stream, t.Events); err != nil {
		return fmt.Errorf("overwrite the events of an erased profile: %w", err)
	}
	return nil
}
