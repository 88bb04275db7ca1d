package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/control"
	"rollcall/internal/pipeline"
	"rollcall/internal/state"
	"rollcall/internal/telemetry"
)

// How often what needs more than a look at the loop's own numbers is asked for.
const (
	lookAtHeld      = 5 * time.Second  // the held contacts are gone through
	lookAtRefreshes = 10 * time.Second // the stream is asked for their times
	lookAtLedger    = 5 * time.Second  // of a destination that is leased here and not active
	sampleAsks      = 2 * time.Second  // at most
)

// sampled is what one destination's sampler remembers from one second to the next.
type sampled struct {
	heldAt, refreshesAt, ledgerAt time.Time
	held, sweeps                  int
	refreshes                     map[string]uint64 // first sequence by segment, as shown
}

// sampleHeld keeps what is held, whole refreshes included, as status tells it.
func (r *runner) sampleHeld(ctx context.Context, s *sampled, d *pipeline.Destination, st state.Stats) {
	if st.Held+st.HeldSweeps == 0 {
		r.held.Store(nil)
		return
	}
	if r.held.Load() != nil && s.held == st.Held && s.sweeps == st.HeldSweeps && time.Since(s.heldAt) < lookAtHeld {
		return
	}
	asking, cancel := context.WithTimeout(ctx, sampleAsks)
	defer cancel()
	var held state.Held
	if err := d.Ask(asking, func(state *state.State) { held = state.Held() }); err != nil {
		return // it stops, and shows so
	}
	s.held, s.sweeps, s.heldAt = st.Held, st.HeldSweeps, time.Now()
	r.held.Store(&held)
}

// sampleRefreshes shows when each segment was refreshed last. The ledger knows which refresh it was, the stream when.
func (r *runner) sampleRefreshes(ctx context.Context, s *sampled, d *pipeline.Destination) {
	if time.Since(s.refreshesAt) < lookAtRefreshes && s.refreshes != nil {
		return
	}
	s.refreshesAt = time.Now()
	asking, cancel := context.WithTimeout(ctx, sampleAsks)
	defer cancel()
	firsts := map[string]uint64{}
	if err := d.Ask(asking, func(state *state.State) {
		state.Refreshed(func(segment string, first uint64) { firsts[segment] = first })
	}); err != nil {
		return
	}
	if s.refreshes == nil {
		s.refreshes = map[string]uint64{}
	}
	for segment, first := range firsts {
		if first == 0 || s.refreshes[segment] == first {
			continue
		}
		at, found, err := r.app.conn.RefreshedAt(asking, r.cfg.Stream, segment, first)
		if err != nil {
			r.log.Debug("the time of a refresh cannot be asked for; it is tried again", zap.String("segment", segment), zap.Error(err))
			continue
		}
		if found {
			r.metrics.Refreshed(segment, at)
		}
		s.refreshes[segment] = first
	}
}

// sampleLedger shows the figures of a destination that is this replica's to tell of and is not active.
func (r *runner) sampleLedger(ctx context.Context, s *sampled) {
	if r.leased.Load() == nil || !r.app.reached() || time.Since(s.ledgerAt) < lookAtLedger {
		return
	}
	s.ledgerAt = time.Now()
	a, err := r.stored(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Debug("the ledger cannot be read for the metrics; it is tried again", zap.Error(err))
		}
		return
	}
	if r.active.Load() == nil {
		r.metrics.SetLevel(levelOf(&a))
		r.metrics.LettersPresent(a.DeadLetters)
	}
}

// levelOf is what the metrics show of an answer that was read from a ledger.
func levelOf(a *control.StatusAnswer) telemetry.Level {
	return telemetry.Level{
		Contacts: telemetry.Contacts{
			Listed: a.Listed, Dirty: a.Dirty,
			Window: a.Window, OnTheWay: a.OnTheWay, InDoubt: a.InDoubt, Waiting: a.Waiting, Held: a.Held, Refused: a.Refused,
		},
		Slots: a.Slots, ProfileCap: a.ProfileCap, IntakePending: a.IntakePending, JobsInFlight: a.JobsInFlight, LedgerBytes: a.LedgerBytes,
		OldestUnapplied: time.Duration(a.OldestUnappliedSeconds * float64(time.Second)), HeldRemovals: a.HeldRemovals,
	}
}

// failingFor is for how long SendGrid has taken nothing of an account, by the destinations that are active here.
func (a *App) failingFor(acc *account, now time.Time) (longest time.Duration) {
	for _, r := range a.runners {
		if r.account != acc || r.active.Load() == nil {
			continue
		}
		if st := r.stats(); st.Failing != "" {
			longest = max(longest, now.Sub(time.UnixMilli(st.FailingSince)))
		}
	}
	return longest
}
