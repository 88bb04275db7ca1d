package app

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/broker"
)

// Rollcall's own streams are looked at before each claim: the journal of a destination in a stream that lets entries
// go is a ledger that is lost later (H36). The look costs a take-over nothing: it goes beside what a claim has to ask
// anyway, and a broker that does not answer it in time is no reason not to claim.

// lookBound is for how long a claim waits for the look at our own streams.
const lookBound = 500 * time.Millisecond

// secrets are the installation's, once they were read.
type secrets struct {
	read atomic.Pointer[broker.Installation]
}

func (s *secrets) get() broker.Installation {
	if in := s.read.Load(); in != nil {
		return *in
	}
	return broker.Installation{}
}

// openSecrets reads the installation's secrets, or makes them. In a ledger's stream that does not fit it makes none:
// they would be let go of like everything there.
func (a *App) openSecrets(ctx context.Context) error {
	if a.secrets.read.Load() != nil || a.ours.again(ctx) != nil {
		return nil // nothing is claimed before our streams are there
	}
	if err := a.conn.InspectInternal(ctx, broker.LedgerStream); err != nil {
		if _, unfit := errors.AsType[*broker.UnfitError](err); unfit {
			return nil // nothing is claimed before it fits
		}
		return err
	}
	in, err := a.conn.Installation(ctx)
	if err == nil {
		a.secrets.read.Store(&in)
	}
	return err
}

// fits begins to look whether our own streams fit, and returns what waits for the answer.
func (r *runner) fits(ctx context.Context) func() error {
	answer := make(chan error, 1)
	ctx, cancel := context.WithTimeout(ctx, lookBound)
	go func() {
		defer cancel()
		err := r.app.conn.FitInternal(ctx)
		if limit := r.app.conn.RoomToRead(ctx, r.cfg.Stream, r.cfg.ID)[r.cfg.ID]; err == nil && limit != nil {
			err = limit
		}
		answer <- err
	}()
	return sync.OnceValue(func() error {
		if err := <-answer; err != nil {
			return err
		}
		return r.app.openSecrets(context.WithoutCancel(ctx))
	})
}

// leasesFit waits until our own streams are there and the bucket of the leases is one in which a lease can be held, and
// says meanwhile why nothing is claimed. It reports false where the context ended.
func (r *runner) leasesFit(ctx context.Context) bool {
	for ctx.Err() == nil {
		err := r.app.ours.again(ctx)
		if err == nil {
			look, cancel := context.WithTimeout(ctx, lookBound)
			err = r.app.conn.InspectInternal(look, "KV_"+broker.LeaseBucket)
			cancel()
		}
		_, unfit := errors.AsType[*broker.UnfitError](err)
		_, limit := errors.AsType[*broker.LimitError](err)
		if !unfit && !limit {
			if reason := r.reason.Load(); reason != nil && *reason != "" {
				r.log.Info("our own streams are there, and the bucket of the leases fits", zap.String("was", *reason))
				r.reason.Store(nil)
			}
			return true
		}
		r.stopped(err)
		ask.Pause(ctx, restWhenDown)
	}
	return false
}
