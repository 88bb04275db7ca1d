package state

import (
	"rollcall/internal/contact"
	"rollcall/internal/flight"
)

// Stats returns the state's own numbers.
func (s *State) Stats() Stats {
	st := s.Counts
	st.Listed, st.Slots = s.Book.Listed(), s.Book.Slots()
	st.Waiting, st.Held, st.RefusedNow = s.Book.Count(1), s.Book.Count(2), s.Book.Count(3)
	st.Window = s.Window.Len()
	st.OnTheWay = s.Flight.Contacts(flight.Intended) + s.Flight.Contacts(flight.Accepted)
	st.InDoubt = s.Flight.Contacts(flight.Doubt)
	st.Window += s.heldBack(st.Dirty())
	st.Jobs, st.Cursor, st.Profiles = s.Flight.Len(), s.Meta.Cursor, s.Roster.Profiles()
	st.Epoch, st.Paused, st.HeldSweeps = s.Meta.Epoch, s.Meta.Paused, len(s.HeldSweeps())
	if l := s.Meta.Lost; l != nil {
		st.LostFrom, st.LostTo = l.From, l.To
	}
	st.Contacts = int(max(s.Roster.Contacts(), 1)) - 1
	return st
}

// Listed calls visit with the e-mail of every contact that is confirmed on the list.
func (s *State) Listed(visit func(email []byte)) {
	for h := contact.Handle(1); uint32(h) < s.Roster.Contacts(); h++ {
		if s.Book.At(h).Listed() {
			visit(s.Roster.Email(h))
		}
	}
}
