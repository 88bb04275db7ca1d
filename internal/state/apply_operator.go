package state

import (
	"fmt"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
)

// The records of this file are what operators' commands do besides being noted.

func (s *State) operator(rec record.Record) error {
	switch r := rec.(type) {
	case *record.Retry:
		s.retry(r)
	case *record.Stand:
		s.stand(r)
	case *record.Rebase:
		s.rebase(r)
	case *record.Replay:
		s.replayed(r)
	case *record.Refold:
		return s.Refold(r)
	case *record.LetGo:
		s.release(r)
	default:
		return fmt.Errorf("apply %T: %w", rec, record.ErrUnknownRecord)
	}
	return nil
}

// stand notes how a look at the whole list found contacts. Those on their way are passed over: their end
// tells how they stand.
func (s *State) stand(r *record.Stand) {
	s.at, s.Recount = r.At, true
	for _, h := range r.Listed {
		s.found(h, true)
	}
	for _, h := range r.Unlisted {
		s.found(h, false)
	}
	for _, e := range r.Adopted {
		h := s.Roster.Intern(e)
		s.adopt(h)
		s.found(h, true)
	}
}

func (s *State) found(h contact.Handle, onList bool) {
	if s.Flight.Of(h) != nil {
		return
	}
	if onList {
		s.list(h, 0, s.Book.At(h).Mask)
	} else {
		s.Book.SetUnlisted(h)
	}
	switch s.Book.At(h).Place() {
	case plan.Refused:
		return
	case plan.Waiting, plan.Held:
		s.Book.Put(h, plan.Nowhere, 0)
	case plan.Nowhere:
	}
	s.evaluate(h, s.at)
}

// rebase starts a new generation: the new stream is read from its first event, and whoever is not on it up
// to its end as it was leaves, like after a refresh of every segment (H11). The guard looks on.
func (s *State) rebase(r *record.Rebase) {
	s.at = r.At
	s.Meta.Cursor, s.Meta.Time = 0, 0
	s.Meta.Claim.Binding.Stream, s.Meta.Claim.Binding.StreamCreated = r.Stream, r.StreamCreated
	s.Meta.Replay, s.Meta.Fill, s.Meta.Lost = nil, nil, nil
	s.Roster.Rebase(r.Last)
	s.ReleaseAll(r.At)
}
