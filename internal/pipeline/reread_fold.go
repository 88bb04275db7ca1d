package pipeline

import (
	"rollcall/internal/ledger"
	"rollcall/internal/plan"
)

// faded folds that the events of contacts are gone. One that the same profile's fields were sent for keeps what
// it has; another is sent with its e-mail alone, its text fields cleared (contract, Attributes).
func (s *State) faded(r *ledger.Faded) {
	s.at = r.At
	for _, h := range r.Handles {
		if !s.roster.Desired(h) {
			continue
		}
		if at := s.book.At(h); at.Listed() && at.Hash != 0 && at.By() == uint16(s.roster.SourceProfile(h)) {
			s.roster.Fade(h, at.Hash)
			s.evaluate(h, r.At)
			continue
		}
		hash := hashOf(&ledger.Row{})
		s.roster.Fade(h, hash)
		s.keep(h, nil, hash)
		if s.book.At(h).Place() == plan.Nowhere && s.flight.Of(h) == nil {
			s.window.Put(r.At, r.At, h)
		}
	}
}
