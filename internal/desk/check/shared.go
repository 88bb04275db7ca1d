package check

import (
	"context"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/desk"
	"rollcall/internal/ledger/record"
)

// foreign is a destination that is not in the file.
type foreign struct {
	conn *broker.Conn
	id   string
}

// sharedList tells where a consumer that runs, with another file, has one of our lists as another destination's: the two would
// remove each other's contacts. The account's id in a file says nothing of it, so that its address and the list's id are compared.
func sharedList(ctx context.Context, found *Findings, cfg *config.Config, other foreign) {
	state, entry, err := desk.LoadState(ctx, other.conn, cfg, &config.Destination{ID: other.id})
	if err != nil || entry == 0 {
		return // the other's own check tells
	}
	for _, d := range sameList(cfg, state.Claim().Binding) {
		found.Add(Failed, about(d), "list", "destination "+other.id+", which a running consumer serves by another file, has the same list: "+
			"each would remove the other's contacts").Help = "give one of them a list of its own, or all of the list's segments to one of them"
	}
}

// sameList returns the destinations of the file whose list is the one that another's ledger is bound to.
func sameList(cfg *config.Config, b record.Binding) []*config.Destination {
	var same []*config.Destination
	for i := range cfg.Destinations {
		d := &cfg.Destinations[i]
		if account, ok := cfg.Account(d.Account); ok && d.ListID == b.List && account.BaseURL == b.BaseURL {
			same = append(same, d)
		}
	}
	return same
}
