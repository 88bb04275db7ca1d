package app

import (
	"context"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/contact"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/desk/check"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/pipeline"
	"rollcall/internal/state"
	"rollcall/internal/telemetry"
)

// runner keeps one destination running on this replica, whenever it is its turn.
type runner struct {
	app     *App
	cfg     *config.Destination
	account *account
	log     *zap.Logger
	metrics *telemetry.Destination
	lags    lags // of what this replica applied
	known   known
	page    page
	held    atomic.Pointer[state.Held] // what is held, while something is and it is active here
	active  atomic.Pointer[pipeline.Destination]
	reason  atomic.Pointer[string]             // why it is not claimed; nil or empty is none
	stale   atomic.Bool                        // a newer configuration than ours is in force
	leased  atomic.Pointer[context.CancelFunc] // gives the lease back; nil while it is not held
}

func (a *App) newRunner(d *config.Destination) *runner {
	return &runner{
		app: a, cfg: d, account: a.accounts[d.Account],
		log: a.log.Named("destination").With(zap.String("destination", d.ID)), metrics: a.metrics.Destination(d.ID),
	}
}

func (r *runner) stats() state.Stats {
	if d := r.active.Load(); d != nil {
		return d.Stats()
	}
	st := state.Stats{}
	if reason := r.reason.Load(); reason != nil {
		st.Suspended = *reason
	}
	return st
}

// open builds the destination over the broker, the ledger and the account.
func (r *runner) open(ctx context.Context, claimed func()) (*pipeline.Destination, func(), error) {
	conn, d := r.app.conn, r.cfg
	fits := r.fits(ctx)
	defer func() { _ = fits() }() // it is waited for, whatever else fails
	resolve := func(ctx context.Context) (mapping.Spec, error) {
		return desk.ResolveMapping(ctx, r.account.client, d)
	}
	spec, err := resolve(ctx)
	if err != nil {
		r.log.Warn("custom fields are not resolved; those of the last claim are taken where it had them", zap.Error(err))
	}
	journal, err := ledger.Open(ctx, conn.JS, d.ID, ledger.Options{Log: r.log, Foreign: r.metrics.Foreign})
	if err != nil {
		return nil, nil, err
	}
	if err := r.app.events[d.Stream].again(ctx); err != nil {
		return nil, nil, err
	}
	source, err := conn.OpenSource(ctx, broker.SourceOptions{Stream: d.Stream, Destination: d.ID, Log: r.log})
	if err != nil {
		return nil, nil, err
	}
	if err := fits(); err != nil {
		source.Stop()
		return nil, nil, err
	}
	suspended := ""
	if !d.Consent.Given() {
		suspended = "consent"
	}
	o := pipeline.Options{
		Destination: d.ID, Owner: d.Owner, Name: d.Name, Replica: r.app.opts.Replica,
		ConfigHash: r.app.cfg.Hash(), Revision: int(r.app.cfg.Revision), Salt: r.app.secrets.get().TombstoneSalt, Suspended: suspended,
		Binding: record.Binding{
			BaseURL: r.account.cfg.BaseURL, OnBehalfOf: r.account.cfg.OnBehalfOf, List: d.ListID, Stream: d.Stream,
			Segments: d.Segments, Normalisation: contact.Normalisation,
		},
		Policy: desk.Policy(d, r.account.cfg),
		Batch:  pipeline.BatchLimits{MaxContacts: d.Batch.MaxContacts, MaxBytes: d.Batch.MaxBytes},
		Hash:   r.app.hashed, Mapping: spec, Resolve: resolve, Check: r.check, ReplayShare: r.account.cfg.ReplayShare,
		Journal: journal, Compactor: journal, Source: source, Stream: conn, Letters: conn,
		Sender: r.account.client, Finder: r.account.client, Prober: r.account.client,
		Purger: conn, Neighbours: r.app.neighboursOf(d.Account, d.ID),
		Observer: observer{r.metrics, &r.lags}, Log: r.log, Admit: r.admit, Claimed: claimed, Successor: r.successor,
	}
	return pipeline.New(o), source.Stop, nil
}

// check looks at the destination before its first request, as `consumer check` does.
func (r *runner) check(ctx context.Context) (reason string, err error) {
	wrong := check.First(ctx, r.account.client, r.cfg)
	if wrong == nil {
		return "", nil
	}
	return wrong.Reason, wrong.Err()
}

// successor reports whether another replica is there that would run the destination.
func (r *runner) successor() bool {
	view, _ := r.app.board.View()
	return slices.ContainsFunc(view.Replicas, func(p broker.Presence) bool {
		return p.Replica != r.app.opts.Replica && slices.Contains(p.Serves, r.cfg.ID)
	})
}

// desk answers operators while the destination is active here.
func (r *runner) desk(d *pipeline.Destination) *desk.Desk {
	return desk.New(desk.Options{
		Config: r.app.cfg, Destination: r.cfg, Conn: r.app.conn, SendGrid: r.account.client, Replica: r.app.opts.Replica,
		Active: d, Status: func() control.StatusAnswer { return r.answer(d.Stats()) }, Log: r.log,
	})
}
