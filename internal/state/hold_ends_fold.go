package state

// HeldWhole reports whether a refresh, or a segment that was taken away, is held.
func (s *State) HeldWhole() bool { return len(s.HeldSweeps()) > 0 }
