package desk

import (
	"context"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/scrub"
)

// Orphan is how a destination that is in no live replica's file stands, by its ledger alone; that the ledger can't be read
// is part of the answer. It is there if its ledger has an entry: any other message makes no destination.
func Orphan(ctx context.Context, conn *broker.Conn, cfg *config.Config, id string) (a control.StatusAnswer, there bool) {
	a = control.StatusAnswer{Destination: id, State: "orphaned", Next: control.Next(id, "orphaned", "")}
	state, entry, err := LoadState(ctx, conn, cfg, &config.Destination{ID: id})
	if err != nil {
		a.Trouble = scrub.Text(err.Error())
		return a, true
	}
	if entry == 0 {
		return a, false
	}
	a.Fill(state.Stats())
	held := state.Held()
	a.HeldRemovals, a.HeldSweeps, a.HeldDigest = held.Count, held.Sweeps, held.Digest
	a.ListID = state.Claim().Binding.List
	return a, true
}
