package app

import (
	"context"
	"time"

	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

// answer turns a destination's numbers into what operators read.
func (r *runner) answer(st state.Stats) control.StatusAnswer {
	a := desk.Describe(r.app.cfg, r.cfg)
	a.Fill(st)
	a.State, a.Reason, a.Replica = stateOf(st).String(), st.Suspended, r.app.opts.Replica
	letters, counted := r.app.letters.of(r.cfg.ID)
	a.DeadLetters, a.LettersUncounted = letters, !counted
	held := r.heldNow(st)
	a.HeldRemovals, a.HeldSweeps, a.HeldDigest = held.Count, held.Sweeps, held.Digest
	a.NearlyFull = r.app.room.nearlyFull(r.cfg.Stream)
	a.LagP50Seconds, a.LagP99Seconds = r.lags.quantiles()
	a.Advise()
	for _, route := range sendgrid.Routes {
		b := r.account.client.Budget(route)
		if b.Limit == 0 {
			continue
		}
		a.Budgets = append(a.Budgets, control.Budget{
			Route: string(route), Limit: b.Limit, Remaining: b.Remaining, ResetSeconds: max(0, time.Until(b.Reset).Seconds()),
		})
	}
	return a
}

// announce makes this replica tell how it stands with each of its destinations, also where it stands by.
func (a *App) announce() error {
	of := map[string]*runner{}
	var ids []string
	for _, r := range a.runners {
		of[r.cfg.ID] = r
		ids = append(ids, r.cfg.ID)
	}
	service, err := control.Announce(a.conn.NC, control.Options{Replica: a.opts.Replica, Version: a.opts.Version}, ids,
		func(id string) control.Replica { return of[id].standing() })
	if err != nil {
		return err
	}
	a.onStop("the replica's service", func(context.Context) error { return service.Stop() })
	return nil
}

func (r *runner) standing() control.Replica {
	one := control.Replica{
		Name: r.app.opts.Replica, ConfigHash: r.app.cfg.Hash(), Revision: r.app.cfg.Revision, Active: r.active.Load() != nil,
	}
	if reason := r.reason.Load(); reason != nil {
		one.Reason = *reason
	}
	one.StaleConfig = r.stale.Load()
	return one
}
