package state

import (
	"slices"

	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
)

// Erasure is one person's right to be forgotten, until it is proven. It is part of the state, so that a crash
// between any two stages resumes it.
type Erasure struct {
	Sequence uint64       `json:"sequence"` // of the event
	Began    int64        `json:"began"`    // unix nanoseconds
	Stage    record.Stage `json:"stage"`
	Steps    uint64       `json:"steps,omitempty"`    // how many entries have moved it on: the loop knows by it what it has done
	Profile  string       `json:"profile,omitempty"`  // until what holds it is purged
	Contacts []uint32     `json:"contacts,omitempty"` // whose addresses are deleted, until then
	Known    int          `json:"known"`              // how many addresses the ledger or the event named

	Letters int                `json:"letters,omitempty"` // dead letters that were found and overwritten
	Events  int                `json:"events,omitempty"`  // the same of events
	Found   record.ErasureNote `json:"found,omitzero"`    // what the last search found; its messages are overwritten next
}

// erase begins an erasure: the profile is forgotten at once, and every address that it ever held, or that the
// event names, is to be deleted from the account.
func (s *State) erase(r *record.Row) {
	handles := s.Roster.Erase(r.Profile, r.Sequence, s.contactChanged)
	for _, e := range r.Emails {
		if h := s.Roster.Intern(e); !slices.Contains(handles, h) {
			handles = append(handles, h)
		}
	}
	e := Erasure{Sequence: r.Sequence, Began: s.at, Profile: string(r.Profile), Known: len(handles)}
	for _, h := range handles {
		e.Contacts = append(e.Contacts, uint32(h))
		*s.Erasing.Put(uint32(h)) = true
		s.drop(h, false)
		d := s.Dirty.Put(uint32(h))
		if d.since == 0 {
			d.since = r.Time
		}
		if s.Book.At(h).Place() != plan.Nowhere {
			s.Book.Put(h, plan.Nowhere, 0)
		}
		if s.Flight.Of(h) == nil {
			s.Window.Put(s.at, s.at, h)
		}
	}
	s.Meta.Erasures = append(s.Meta.Erasures, e)
}

// advance notes a step of an erasure. What is shredded next must not be in the snapshot that replaces it.
func (s *State) advance(r *record.Erasure) {
	at := slices.IndexFunc(s.Meta.Erasures, func(e Erasure) bool { return e.Sequence == r.Sequence })
	if at < 0 {
		return
	}
	e := &s.Meta.Erasures[at]
	e.Stage = r.Stage
	e.Steps++
	e.note(r.Note)
	switch r.Stage {
	case record.Shredding:
		e.Profile, e.Contacts = "", nil
		s.sweepIdle()
	case record.Proven:
		s.Meta.Erasures = slices.Delete(s.Meta.Erasures, at, at+1)
	case record.Deleting, record.Rechecking, record.Purging:
	}
}

// note takes over what a step found. What is found counts as overwritten from then on, once: overwriting it again
// changes nothing, and the stage does not end before it is done.
func (e *Erasure) note(n *record.ErasureNote) {
	e.Found.Letters, e.Found.Events = nil, nil
	if n == nil {
		return
	}
	e.Letters += len(n.Letters)
	e.Events += len(n.Events)
	if n.Owed == nil {
		n.Owed = e.Found.Owed
	}
	e.Found = *n
}

// named are the contacts that open erasures name: nobody lets go of their rows, because the account's other
// destinations are told their addresses later (H32).
func (s *State) named() map[uint32]bool {
	var named map[uint32]bool
	for i := range s.Meta.Erasures {
		for _, h := range s.Meta.Erasures[i].Contacts {
			if named == nil {
				named = map[uint32]bool{}
			}
			named[h] = true
		}
	}
	return named
}
