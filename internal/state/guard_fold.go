package state

import (
	"rollcall/internal/contact"
)

// ByGuard tells apart removals that the guard neither counts nor holds, those that it has let go before and that had no
// effect yet, and those that it is asked about.
func (s *State) ByGuard(removals []contact.Handle) (free, passed, others []contact.Handle) {
	for _, h := range removals {
		d, _ := s.Dirty.Look(uint32(h))
		switch {
		case d.moved || d.approved:
			free = append(free, h)
		case s.Passed.Get(uint32(h)) != nil:
			passed = append(passed, h)
		default:
			others = append(others, h)
		}
	}
	return free, passed, others
}
