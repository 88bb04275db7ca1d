package desk

import (
	"context"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/control"
)

// How long status counts dead letters. Every header is read: of hundreds of thousands that takes longer than whoever asks
// waits, and a destination that runs must not show as one that answers nobody.
const (
	countActive = 500 * time.Millisecond // the active replica has an older count besides
	countStored = 5 * time.Second
)

// countLetters fills the answer's dead letters by reason. Where they cannot be counted in time, or at all, the answer keeps the
// active replica's last count, or says that they were not counted.
func (d *Desk) countLetters(ctx context.Context, answer *control.StatusAnswer, read func(context.Context) (map[string]uint64, error)) {
	patience := countStored
	if d.Status != nil {
		patience = countActive
	} else {
		answer.DeadLetters, answer.LettersUncounted = nil, true // a loaded ledger knows none
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	byReason, err := read(ctx)
	if err != nil {
		d.Log.Debug("the dead letters cannot be counted now", zap.Error(err))
		return
	}
	answer.DeadLetters, answer.LettersUncounted = byReason, false
}
