package pipeline

import (
	"fmt"
)

// replayID is a name that no replay of the ledger had before.
func (s *State) replayID() string {
	n := len(s.meta.Commands) + 1
	if last := s.meta.Replay; last != nil {
		var epoch uint64
		var before int
		if _, err := fmt.Sscanf(last.ID, "r%d-%d", &epoch, &before); err == nil && epoch == s.meta.Epoch {
			n = max(n, before+1) // only the last commands are kept
		}
	}
	return fmt.Sprintf("r%d-%d", s.meta.Epoch, n)
}
