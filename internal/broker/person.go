package broker

import (
	"context"
	"fmt"
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

// Purged is what was overwritten.
type Purged struct {
	Letters, Events int
	// Until is when the stream's age limit drops the events, where they can't be overwritten; zero where they were.
	Until time.Time
}

// PurgePerson overwrites the destination's dead letters of the profile, and the events of the profile below the
// sequence: by subject on a keyed stream, event by event on an unkeyed one. names tells, of an unkeyed event's
// subject and body, whether it is about the profile.
func (c *Conn) PurgePerson(ctx context.Context, p Person, names func(m *Message) bool) (Purged, error) {
	var out Purged
	var err error
	out.Letters, err = c.Shred(ctx, DeadLetterStream, []string{"rollcall.dead." + p.Destination + "." + p.ProfileKey}, 0)
	if err != nil {
		return out, fmt.Errorf("overwrite the dead letters of an erased profile: %w", err)
	}
	state, err := c.InspectStream(ctx, p.Stream)
	if err != nil {
		return out, err
	}
	if !state.Deletable {
		out.Until = time.Now().Add(state.MaxAge)
		return out, nil
	}
	if state.Keyed {
		out.Events, err = c.Shred(ctx, p.Stream, []string{"segments.membership.*." + p.ProfileKey}, p.Below)
	} else {
		out.Events, err = c.shredNamed(ctx, p, names)
	}
	if err != nil {
		return out, fmt.Errorf("overwrite the events of an erased profile: %w", err)
	}
	return out, nil
}

// shredNamed overwrites the events of an unkeyed stream that are about the person.
func (c *Conn) shredNamed(ctx context.Context, p Person, names func(m *Message) bool) (int, error) {
	var found []uint64
	r := Range{Stream: p.Stream, Filters: []string{unkeyedMembership}, To: p.Below - 1}
	if p.Below <= 1 {
		return 0, nil
	}
	err := c.ReadRange(ctx, r, func(m Message) error {
		if names(&m) {
			found = append(found, m.Sequence)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return c.overwrite(ctx, p.Stream, found)
}
