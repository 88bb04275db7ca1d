package app

import (
	"time"

	"rollcall/internal/control"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid"
)

// answer turns a destination's numbers into what operators read.
func (r *runner) answer(st pipeline.Stats) control.StatusAnswer {
	d := r.cfg
	a := control.StatusAnswer{
		Destination: d.ID, Name: d.Name, Owner: d.Owner, Account: d.Account, ListID: d.ListID,
		State: state(st).String(), Reason: st.Suspended,
		Replica: r.app.opts.Replica, ConfigHash: r.app.cfg.Hash(), Revision: r.app.cfg.Revision, Epoch: st.Epoch,
		ProfileCap: d.ProfileCap, Listed: st.Listed, Slots: st.Slots, Dirty: st.Dirty(),
		Window: st.Window, OnTheWay: st.OnTheWay, InDoubt: st.InDoubt, Waiting: st.Waiting, Held: st.Held, Refused: st.RefusedNow,
		AccountCap: r.account.cfg.ProfileCap, Profiles: st.Profiles, JobsInFlight: st.Jobs, IntakePending: st.Pending,
		Cursor: st.Cursor, LedgerBytes: st.LedgerBytes, DeadLetters: st.Letters,
		OldestUnappliedSeconds: st.Age(time.Now()).Seconds(),
	}
	a.Next = control.Next(d.ID, a.State, a.Reason)
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
