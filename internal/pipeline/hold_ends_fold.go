package pipeline

// heldWhole reports whether a refresh, or a segment that was taken away, is held.
func (s *State) heldWhole() bool { return len(s.heldSweeps()) > 0 }
