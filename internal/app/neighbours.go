package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/internal/control"
	"rollcall/internal/pipeline"
)

// neighbours are the other destinations of one destination's account, here or at another replica.
type neighbours struct {
	app         *App
	account, of string
}

// recheckArgs is the body of a recheck. It names contacts, and so does not pass by anybody but consumers.
type recheckArgs struct {
	Emails []string `json:"emails"`
}

// neighboursOf returns the other destinations of a destination's account, or nil if it has none.
func (a *App) neighboursOf(account, id string) pipeline.Neighbours {
	n := neighbours{app: a, account: account, of: id}
	if !slices.ContainsFunc(a.runners, n.include) {
		return nil
	}
	return n
}

func (n neighbours) include(r *runner) bool { return r.cfg.Account == n.account && r.cfg.ID != n.of }

const askRecheck = 10 * time.Second

// Recheck lets every other destination of the account note that contacts are gone (H15). For one that is active nowhere it is
// left until it is, and it is named: its ledger has to know, and a suspended destination must not make another's erasure wait.
func (n neighbours) Recheck(ctx context.Context, emails []string) (owed []string, err error) {
	for _, r := range n.app.runners {
		if !n.include(r) {
			continue
		}
		err := n.recheck(ctx, r, emails)
		if errors.Is(err, control.ErrNoneActive) || errors.Is(err, pipeline.ErrNotActive) {
			owed, err = append(owed, r.cfg.ID), n.owe(ctx, r.cfg.ID, emails)
		}
		if err != nil {
			return nil, fmt.Errorf("recheck erased contacts in destination %s of the same account: %w", r.cfg.ID, err)
		}
	}
	return owed, nil
}

func (n neighbours) recheck(ctx context.Context, r *runner, emails []string) error {
	ctx, cancel := context.WithTimeout(ctx, askRecheck)
	defer cancel()
	if d := r.active.Load(); d != nil {
		return d.Recheck(ctx, emails)
	}
	args, err := json.Marshal(recheckArgs{Emails: emails})
	if err != nil {
		return err
	}
	return control.Call(ctx, n.app.conn.NC, r.cfg.ID, control.Recheck, control.Request{Who: "erasure", Args: args}, nil)
}
