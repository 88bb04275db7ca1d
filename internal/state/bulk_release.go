package state

import (
	"slices"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
)

// The way of contacts that a re-reading touched: they become due, and come to an end.

// release lets contacts that a re-reading touched become due, unless another re-reading still goes on.
func (s *State) release(r *record.LetGo) {
	if s.Bulk.ReleasedAt = r.At; s.Reading() {
		return
	}
	s.at = r.At
	handles := slices.Clone(s.Bulk.PendingRelease.Handles())
	if !r.Removals {
		handles = handles[max(0, len(handles)-r.Most):]
	}
	for _, h := range handles {
		if h := contact.Handle(h); !r.Removals || s.Decide(h) == plan.Remove {
			s.goes(h, r.At)
		}
	}
}

// goes lets one touched contact become due.
func (s *State) goes(h contact.Handle, at int64) {
	m := *s.Bulk.PendingRelease.Get(uint32(h))
	s.Bulk.PendingRelease.Remove(uint32(h))
	if s.Flight.Of(h) != nil || s.Book.At(h).Place() != plan.Nowhere {
		return // whatever ends that looks at it again
	}
	if m&lively != 0 {
		s.tally(func(t *Tally) { t.Live++ })
		s.resend(h, m)
		s.evaluate(h, at)
		return
	}
	if s.Erasing.Get(uint32(h)) != nil {
		s.evaluate(h, at)
		return
	}
	*s.Bulk.Released.Put(uint32(h)) = m & Resend
	if s.Decide(h) == plan.Nothing {
		s.Bulk.Released.Remove(uint32(h))
		s.clean(h)
		return
	}
	if s.Replaying() {
		s.Meta.Replay.Touched++
	}
	s.evaluate(h, at)
}

// readAgain ends a reading: what live traffic changed meanwhile is due first, and as its own.
func (s *State) readAgain(at int64) {
	if s.Reading() {
		return
	}
	s.at = at
	for _, h := range slices.Clone(s.Bulk.PendingRelease.Handles()) {
		if *s.Bulk.PendingRelease.Get(h)&lively != 0 {
			s.goes(contact.Handle(h), at)
		}
	}
}

// sent notes that a contact came to its end as it was asked.
func (s *State) sent(op contact.Operation, h contact.Handle, added bool) {
	if !s.Bulk.Released.Remove(uint32(h)) {
		return
	}
	s.tally(func(t *Tally) {
		switch {
		case op == contact.Remove:
			t.Removals++
		case added:
			t.Adds++
			t.Upserts++
		default:
			t.Upserts++
		}
	})
}

// stays notes that a contact is kept by what it was due for: it waits, is held or refused. A replay counts it at
// its end.
func (s *State) stays(h contact.Handle) {
	if !s.Replaying() {
		s.Bulk.Released.Remove(uint32(h))
	}
}

// UnderWay counts the contacts that became due by a re-reading and have not come to an end, and those of them that leave.
func (s *State) UnderWay() (n, leaving int) {
	for _, h := range s.Bulk.Released.Handles() {
		if h := contact.Handle(h); s.Book.At(h).Place() == plan.Nowhere {
			n++
			if !s.Roster.Desired(h) {
				leaving++
			}
		}
	}
	return n, leaving
}

// abandon ends what only a cancelled replay wanted. What it folded is owed as everything that was folded; it goes on
// within the share.
func (s *State) abandon(at int64) {
	s.at = at
	for _, h := range slices.Clone(s.Bulk.PendingRelease.Handles()) {
		m := s.Bulk.PendingRelease.Get(h)
		*m &^= Resend
		if h := contact.Handle(h); *m == 0 && s.Flight.Of(h) == nil && s.Decide(h) == plan.Nothing && s.Erasing.Get(uint32(h)) == nil {
			s.Bulk.PendingRelease.Remove(uint32(h))
		}
	}
	for _, h := range slices.Clone(s.Bulk.Released.Handles()) {
		h := contact.Handle(h)
		switch {
		case s.Flight.Of(h) != nil:
		case s.Book.At(h).Place() != plan.Nowhere:
			s.Bulk.Released.Remove(uint32(h))
		default:
			if *s.Bulk.Released.Get(uint32(h)) = 0; s.Decide(h) == plan.Nothing {
				s.Bulk.Released.Remove(uint32(h))
				s.clean(h)
			}
		}
	}
	s.readAgain(at)
}

// ReleaseAll lets all touched contacts become due as live traffic: what was read is of a stream that is no more.
func (s *State) ReleaseAll(at int64) {
	for _, h := range slices.Clone(s.Bulk.PendingRelease.Handles()) {
		s.Bulk.PendingRelease.Remove(h)
		if h := contact.Handle(h); s.Flight.Of(h) == nil && s.Book.At(h).Place() == plan.Nowhere {
			s.evaluate(h, at)
		}
	}
	for _, h := range slices.Clone(s.Bulk.Released.Handles()) {
		m := *s.Bulk.Released.Get(h)
		s.Bulk.Released.Remove(h)
		s.resend(contact.Handle(h), m)
	}
}
