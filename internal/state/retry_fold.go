package state

import (
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
)

// retry makes refused contacts due again at the version at which they were refused.
func (s *State) retry(r *record.Retry) {
	s.at = r.At
	for _, h := range r.Handles {
		if s.Book.At(h).Place() == plan.Refused {
			s.Book.Put(h, plan.Nowhere, 0)
			s.evaluate(h, r.At)
		}
	}
}
