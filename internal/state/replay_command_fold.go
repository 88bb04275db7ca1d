package state

import (
	"fmt"
)

// ReplayID is a name that no replay of the ledger had before.
func (s *State) ReplayID() string {
	n := len(s.Meta.Commands) + 1
	if last := s.Meta.Replay; last != nil {
		var epoch uint64
		var before int
		if _, err := fmt.Sscanf(last.ID, "r%d-%d", &epoch, &before); err == nil && epoch == s.Meta.Epoch {
			n = max(n, before+1) // only the last commands are kept
		}
	}
	return fmt.Sprintf("r%d-%d", s.Meta.Epoch, n)
}
