package cli

import (
	"context"
	"fmt"

	"rollcall/internal/desk"
	"rollcall/internal/people"
	"rollcall/internal/state"
)

// warnOfSalt says that a backup's tombstones match nobody on this broker, and lets the state remember it for `ledger
// check`.
func (e *Env) warnOfSalt(ctx context.Context, s *session, state *state.State, b desk.Backup) error {
	lost, err := desk.SaltLost(ctx, s.conn, state, b)
	if err != nil || !lost {
		return err
	}
	state.LoseSalt()
	_, err = fmt.Fprintf(e.Stderr, "%s: this backup does not hold the salt of its %s (a release before 1.0 wrote it), and this broker's\n"+
		"installation was made after it: an event older than an erasure would bring the person back. Put the message on\n"+
		"rollcall.ledger._installation of a copy of ROLLCALL_LEDGER in the place of this one first, or publish the erasures since again\n"+
		"(publisher erase PROFILE).\n", b.Destination, people.Of(state.Tombstones(), "tombstone"))
	return err
}

// saltOf is what `ledger check` says of the tombstones' salt.
func saltOf(state *state.State) string {
	if !state.SaltLost() {
		return "passed"
	}
	return fmt.Sprintf("lost: %s match nobody, since the ledger was restored from a backup without their salt; publish these erasures again: publisher erase PROFILE",
		people.Of(state.Tombstones(), "tombstone"))
}
