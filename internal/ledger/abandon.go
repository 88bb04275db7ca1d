package ledger

import (
	"context"
	"fmt"
	"math"
)

// Abandon removes a destination's journal and snapshots for ever, overwritten at the broker: for a destination
// that is removed, or one whose ledger is lost and begins anew. It asks nobody: whoever is active finds itself
// fenced at its next entry.
func (j *Journal) Abandon(ctx context.Context) error {
	names, err := j.store.list(ctx, objectPrefix(j.destination))
	if err != nil {
		return fmt.Errorf("list the snapshots of %s: %w", j.destination, err)
	}
	for _, name := range names {
		if _, ours := objectCovers(j.destination, name); !ours {
			continue
		}
		if err := j.store.remove(ctx, name, true); err != nil {
			return fmt.Errorf("remove snapshot %s: %w", name, err)
		}
	}
	if err := j.store.sweep(ctx, j.destination, "", true); err != nil {
		return fmt.Errorf("remove what is left of snapshots of %s: %w", j.destination, err)
	}
	if err := j.store.purgeBelow(ctx, math.MaxInt64, true); err != nil {
		return fmt.Errorf("remove the journal of %s: %w", j.destination, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tail, j.loaded, j.entries = 0, false, nil
	return nil
}
