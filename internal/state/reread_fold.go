package state

import (
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
)

// faded folds that the events of contacts are gone. One that the same profile's fields were sent for keeps what
// it has; another is sent with its e-mail alone, its text fields cleared (contract, Attributes).
func (s *State) faded(r *record.Faded) {
	s.at = r.At
	for _, h := range r.Handles {
		if !s.Roster.Desired(h) {
			continue
		}
		if at := s.Book.At(h); at.Listed() && at.Hash != 0 && at.By() == uint16(s.Roster.SourceProfile(h)) {
			s.Roster.Fade(h, at.Hash)
			s.evaluate(h, r.At)
			continue
		}
		hash := hashOf(&record.Row{})
		s.Roster.Fade(h, hash)
		s.keep(h, nil, hash)
		if s.Book.At(h).Place() == plan.Nowhere && s.Flight.Of(h) == nil {
			s.Window.Put(r.At, r.At, h)
		}
	}
}
