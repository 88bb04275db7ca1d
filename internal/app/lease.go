package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/ledger"
	"rollcall/internal/placement"
)

const (
	restWhenDown = 5 * time.Second        // a suspended destination rests before it is looked at again
	restOnError  = time.Second            // one that a passing trouble stopped, as a broker's election
	headStart    = 500 * time.Millisecond // of each replica that has fewer leases, for a free one
)

// run takes the destination's lease whenever it is this replica's turn, and runs it while it is held, until the
// context ends.
func (r *runner) run(ctx context.Context) {
	lease := r.app.conn.NewLease(broker.LeaseOptions{
		Destination: r.cfg.ID, Replica: r.app.opts.Replica, TTL: r.app.cfg.NATS.Takeover, Log: r.log,
		ConfigHash: r.app.cfg.Hash(), Revision: int(r.app.cfg.Revision),
	})
	for r.leasesFit(ctx) && r.myTurn(ctx) {
		held, ours, err := lease.Try(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Warn("the lease cannot be asked for; it is tried again", zap.Error(err))
			ask.Pause(ctx, time.Second)
		}
		if !ours {
			continue
		}
		r.hold(held)
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		if err := lease.Release(release); err != nil {
			r.log.Debug("the lease was not released; it ends by itself", zap.Error(err))
		}
		cancel()
		// What was seen before the release says nothing about who comes next.
		for range 2 {
			_, next := r.app.board.View()
			select {
			case <-next:
			case <-ctx.Done():
			}
		}
	}
}

// myTurn waits until nobody holds the lease and this replica is the one to ask for it, or those before it have
// let it lie for a while. It reports false where the context ended.
func (r *runner) myTurn(ctx context.Context) bool {
	var since time.Time // when the lease was seen free first
	for ctx.Err() == nil {
		view, next := r.app.board.View()
		_, taken := view.Holders[r.cfg.ID]
		n := placement.Rank(placed(view), r.app.opts.Replica, r.cfg.ID)
		switch {
		case taken || n < 0:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
			fallthrough
		default:
			if time.Since(since) >= time.Duration(n)*headStart {
				return true
			}
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
	return false
}

// hold speaks for the destination and runs it while the lease is held: one that can't go on rests and is tried
// again, unless another replica would do better.
func (r *runner) hold(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.leased.Store(&cancel)
	r.metrics.Speak(true)
	defer func() {
		r.leased.Store(nil)
		r.metrics.Speak(false)
		r.reason.Store(nil)
	}()
	for ctx.Err() == nil {
		err := r.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		declines := r.stopped(err)
		r.app.board.Decline(r.cfg.ID, declines)
		rest := restOnError
		if reason, _ := suspension(err); reason != "" || declines {
			rest = restWhenDown
		}
		if errors.Is(err, ledger.ErrFenced) || !r.rest(ctx, rest, declines) {
			return
		}
	}
}

// rest waits before the next try. It reports false where another replica serves what this one declines.
func (r *runner) rest(ctx context.Context, d time.Duration, declines bool) bool {
	for until := time.Now().Add(d); time.Now().Before(until) && ctx.Err() == nil; {
		_, next := r.app.board.View()
		if declines && r.successor() {
			return false
		}
		select {
		case <-next:
		case <-time.After(time.Until(until)):
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// attempt opens the destination and runs it until it can't go on.
func (r *runner) attempt(ctx context.Context) error {
	claimed := make(chan struct{})
	d, closeSource, err := r.open(ctx, func() { close(claimed) })
	if err != nil {
		return err
	}
	defer closeSource()
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-claimed:
	}
	service, err := control.Serve(r.app.conn.NC, control.Options{
		Destination: r.cfg.ID, Replica: r.app.opts.Replica, Version: r.app.opts.Version, Log: r.log,
	}, handler{r.desk(d), d})
	if err != nil { // the destination runs all the same: commands alone don't reach it
		r.log.Error("commands cannot be served", zap.Error(err))
	} else {
		defer func() { _ = service.Stop() }()
	}
	r.reason.Store(nil)
	r.active.Store(d)
	r.app.board.Decline(r.cfg.ID, false)
	r.metrics.Active(true)
	r.metrics.Takeover()
	settle, stopSettling := context.WithCancel(ctx)
	var settling sync.WaitGroup
	settling.Go(func() { r.settleOwed(settle, d) })
	defer func() {
		stopSettling()
		settling.Wait()
		r.active.Store(nil)
		r.metrics.Active(false)
	}()
	return <-ended
}
