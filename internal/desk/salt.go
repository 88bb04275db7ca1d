package desk

import (
	"context"

	"rollcall/internal/broker"
	"rollcall/internal/state"
)

// SaltLost reports whether the tombstones of a backup match nobody on this broker: an earlier release wrote it
// without their salt, and the installation, which has the only other copy, was made after it.
func SaltLost(ctx context.Context, conn *broker.Conn, state *state.State, b Backup) (bool, error) {
	if !state.Saltless() || state.Tombstones() == 0 {
		return false, nil
	}
	made, err := conn.InstallationMade(ctx)
	return made.After(b.Time), err
}
