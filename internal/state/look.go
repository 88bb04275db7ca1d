package state

import (
	"rollcall/internal/contact"
	"rollcall/internal/plan"
)

// Standing is how one contact stands: what is desired, and what SendGrid is known to have.
type Standing struct {
	Desired bool
	Listed  bool // SendGrid confirmed it on the list
	Slot    bool // an add of it is on its way or in doubt
	Place   plan.Place
	Turn    uint64 // its place in the line for a slot
	Version uint64 // of its desired fields
	Due     int64  // until when it is in its window, unix nanoseconds; zero is not in it
	Open    bool   // on its way or in doubt
}

// Look returns how the contact with a normalised e-mail stands; the zero value is one that is not known.
func (s *State) Look(email []byte) Standing {
	h := s.Roster.Find(email)
	if h == 0 {
		return Standing{}
	}
	at := s.Book.At(h)
	due, _ := s.Window.Has(h)
	return Standing{
		Desired: s.Roster.Desired(h), Listed: at.Listed(), Slot: at.Slot(), Place: at.Place(), Turn: s.Roster.Place(h),
		Version: s.Roster.Hash(h), Due: due, Open: s.Flight.Of(h) != nil,
	}
}

// Email returns the e-mail of a contact's number, as intents name it.
func (s *State) Email(h contact.Handle) string { return string(s.Roster.Email(h)) }
