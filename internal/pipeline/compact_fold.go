package pipeline

import (
	"rollcall/internal/contact"
	"rollcall/internal/flight"
)

// Stats returns the state's own numbers.
func (s *State) Stats() Stats {
	st := s.stats
	st.Listed, st.Slots = s.book.Listed(), s.book.Slots()
	st.Waiting, st.Held, st.RefusedNow = s.book.Count(1), s.book.Count(2), s.book.Count(3)
	st.Window = s.window.Len()
	st.OnTheWay = s.flight.Contacts(flight.Intended) + s.flight.Contacts(flight.Accepted)
	st.InDoubt = s.flight.Contacts(flight.Doubt)
	st.Window += s.heldBack(st.Dirty())
	st.Jobs, st.Cursor, st.Profiles = s.flight.Len(), s.meta.Cursor, s.roster.Profiles()
	st.Epoch, st.Paused, st.HeldSweeps = s.meta.Epoch, s.meta.Paused, len(s.heldSweeps())
	if l := s.meta.Lost; l != nil {
		st.LostFrom, st.LostTo = l.From, l.To
	}
	st.Contacts = int(max(s.roster.Contacts(), 1)) - 1
	return st
}

// Listed calls visit with the e-mail of every contact that is confirmed on the list.
func (s *State) Listed(visit func(email []byte)) {
	for h := contact.Handle(1); uint32(h) < s.roster.Contacts(); h++ {
		if s.book.At(h).Listed() {
			visit(s.roster.Email(h))
		}
	}
}
