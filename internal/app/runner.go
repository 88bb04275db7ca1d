package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/ledger"
	"rollcall/internal/mapping"
	"rollcall/internal/pipeline"
	"rollcall/internal/telemetry"
)

// normalisation is the version of the rule that makes an e-mail a contact's identity.
const normalisation = 1

// restWhenDown is how long a destination that could not go on rests before it is tried again.
const restWhenDown = 5 * time.Second

// runner keeps one destination running on this replica, whenever it is its turn.
type runner struct {
	app     *App
	cfg     *config.Destination
	account *account
	salt    []byte
	log     *zap.Logger
	metrics *telemetry.Destination
	lags    lags // of what this replica applied
	active  atomic.Pointer[pipeline.Destination]
	reason  atomic.Pointer[string] // why it is not claimed; nil or empty is none
}

func (a *App) newRunner(d *config.Destination, salt []byte) *runner {
	return &runner{
		app: a, cfg: d, account: a.accounts[d.Account], salt: salt,
		log: a.log.Named("destination").With(zap.String("destination", d.ID)), metrics: a.metrics.Destination(d.ID),
	}
}

func (r *runner) stats() pipeline.Stats {
	if d := r.active.Load(); d != nil {
		return d.Stats()
	}
	st := pipeline.Stats{}
	if reason := r.reason.Load(); reason != nil {
		st.Suspended = *reason
	}
	return st
}

// run campaigns for the destination's lease and runs it while it is held, until the context ends.
func (r *runner) run(ctx context.Context) {
	lease := r.app.conn.NewLease(broker.LeaseOptions{
		Destination: r.cfg.ID, Replica: r.app.opts.Replica, TTL: r.app.cfg.NATS.Takeover, Log: r.log,
		ConfigHash: r.app.cfg.Hash(), Revision: int(r.app.cfg.Revision),
	})
	for ctx.Err() == nil {
		held, err := lease.Campaign(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.log.Warn("the lease cannot be asked for; it is tried again", zap.Error(err))
				wait(ctx, time.Second)
			}
			continue
		}
		r.hold(held)
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		if err := lease.Release(release); err != nil {
			r.log.Debug("the lease was not released; it ends by itself", zap.Error(err))
		}
		cancel()
		if ctx.Err() == nil {
			wait(ctx, restWhenDown)
		}
	}
}

// hold runs the destination while the lease is held.
func (r *runner) hold(ctx context.Context) {
	d, closeSource, err := r.open(ctx)
	if err != nil {
		r.stopped(err)
		return
	}
	defer closeSource()
	service, err := control.Serve(r.app.conn.NC, control.Options{
		Destination: r.cfg.ID, Replica: r.app.opts.Replica, Version: r.app.opts.Version, Log: r.log,
	}, handler{r.desk(d), d})
	if err != nil {
		r.stopped(err)
		return
	}
	defer func() { _ = service.Stop() }()
	none := ""
	r.reason.Store(&none)
	r.active.Store(d)
	r.metrics.Active(true)
	r.metrics.Speak(true)
	r.metrics.Takeover()
	defer func() {
		r.active.Store(nil)
		r.metrics.Active(false)
	}()
	if err := d.Run(ctx); err != nil && ctx.Err() == nil {
		r.stopped(err)
	}
}

// stopped notes why the destination could not go on.
func (r *runner) stopped(err error) {
	reason := ""
	var unfit *broker.UnfitError
	switch {
	case errors.Is(err, ledger.ErrFenced):
		r.log.Info("standing by: another replica has claimed the destination")
		return
	case errors.Is(err, pipeline.ErrTargetChanged):
		reason = "target_changed"
	case errors.Is(err, pipeline.ErrStreamChanged):
		reason = "stream_changed"
	case errors.Is(err, broker.ErrStreamMissing):
		reason = "stream_missing"
	case errors.As(err, &unfit):
		reason = "stream_unfit"
	case errors.Is(err, ledger.ErrLost):
		reason = "ledger_lost"
	case errors.Is(err, ledger.ErrDamaged):
		reason = "ledger_damaged"
	case errors.Is(err, ledger.ErrNewerBuild), errors.Is(err, ledger.ErrUnknownRecord):
		reason = "newer_build"
	}
	r.reason.Store(&reason)
	if reason == "" {
		r.log.Error("the destination stopped; it is started again", zap.Error(err))
		return
	}
	r.log.Error("suspended: nothing is taken over", zap.String("reason", reason), zap.Error(err))
}

// open builds the destination over the broker, the ledger and the account.
func (r *runner) open(ctx context.Context) (*pipeline.Destination, func(), error) {
	conn, d := r.app.conn, r.cfg
	resolve := func(ctx context.Context) (mapping.Spec, error) {
		return desk.ResolveMapping(ctx, r.account.client, d)
	}
	spec, err := resolve(ctx)
	if err != nil {
		r.log.Warn("custom fields are not resolved; those of the last claim are taken where it had them", zap.Error(err))
	}
	journal, err := ledger.Open(ctx, conn.JS, d.ID, ledger.Options{Log: r.log})
	if err != nil {
		return nil, nil, err
	}
	source, err := conn.OpenSource(ctx, broker.SourceOptions{Stream: d.Stream, Destination: d.ID, Log: r.log})
	if err != nil {
		return nil, nil, err
	}
	suspended := ""
	if !d.Consent.Given() {
		suspended = "consent"
	}
	o := pipeline.Options{
		Destination: d.ID, Owner: d.Owner, Name: d.Name, Replica: r.app.opts.Replica,
		ConfigHash: r.app.cfg.Hash(), Revision: int(r.app.cfg.Revision), Salt: r.salt, Suspended: suspended,
		Binding: ledger.Binding{
			BaseURL: r.account.cfg.BaseURL, OnBehalfOf: r.account.cfg.OnBehalfOf, List: d.ListID, Stream: d.Stream,
			Segments: d.Segments, Normalisation: normalisation,
		},
		Policy:  desk.Policy(d, r.account.cfg),
		Batch:   pipeline.BatchLimits{MaxContacts: d.Batch.MaxContacts, MaxBytes: d.Batch.MaxBytes},
		Mapping: spec, Resolve: resolve,
		Journal: journal, Compactor: journal, Source: source, Stream: conn, Letters: conn,
		Sender: r.account.client, Finder: r.account.client, Prober: r.account.client,
		Purger: conn, Neighbours: neighbours{app: r.app, account: d.Account, of: d.ID},
		Observer: observer{r.metrics, &r.lags}, Log: r.log,
	}
	return pipeline.New(o), source.Stop, nil
}

// desk answers operators while the destination is active here.
func (r *runner) desk(d *pipeline.Destination) *desk.Desk {
	return desk.New(desk.Options{
		Config: r.app.cfg, Destination: r.cfg, Conn: r.app.conn, SendGrid: r.account.client, Replica: r.app.opts.Replica,
		Active: d, Status: func() control.StatusAnswer { return r.answer(d.Stats()) }, Log: r.log,
	})
}
