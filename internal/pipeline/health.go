package pipeline

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"

	"rollcall/internal/health"
	"rollcall/internal/scrub"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

// What package health is told by the loop, and what the loop logs of its answers.

const (
	probeEvery = 30 * time.Second // of SendGrid's time, between the small requests of a suspended destination
	countEvery = 5 * time.Minute  // the same, between two counts of an account whose plan is full
	// mostLone is how many contacts may be refused one after the other, none of them named and nothing taken between, until the
	// pace slows: then more is wrong than contacts.
	mostLone = 64
)

func (l *loop) newHealth() *health.Health {
	rests := backoff.NewExponentialBackOff()
	rests.InitialInterval = max(l.opts.Policy.Scaled(time.Second), 50*time.Millisecond)
	rests.MaxInterval = max(l.opts.Policy.Scaled(time.Minute), time.Second)
	rests.MaxElapsedTime = 0 // for as long as it takes
	rests.Reset()
	reason, _ := health.Named(l.opts.Suspended)
	return health.New(health.Policy{
		Probe: l.opts.Policy.Scaled(probeEvery), Check: l.opts.Check != nil, Resolve: l.opts.Resolve != nil,
		Rests: rests, MostLone: mostLone,
	}, reason)
}

// failure is what health takes of an error.
func failure(err error) health.Failure {
	f := health.Failure{Text: err.Error()}
	if e, ok := errors.AsType[*sendgrid.Error](err); ok {
		f.Class, f.Route, f.Rest = e.Class, e.Route, e.RetryAfter
	}
	return f
}

// troubled suspends the destination if an answer means that it can't be sent to.
func (l *loop) troubled(err error) {
	if err != nil {
		l.noteHealth(l.health.Refused(failure(err), l.now()), err)
	}
}

// noteHealth logs a change of the suspension.
func (l *loop) noteHealth(change health.Change, err error) {
	switch change {
	case health.Suspended:
		l.log.Error("suspended: events are taken over, nothing is sent; it resumes by itself once SendGrid allows it (see: consumer check)",
			zap.Stringer("reason", l.health.Reason()), zap.Error(err))
	case health.Resumed:
		l.log.Info("resumed: SendGrid takes requests again", zap.Stringer("was", l.health.Was()))
	case health.Unchanged, health.StillSuspended, health.Failed:
	}
}

// answered notes that SendGrid answers as it should on a route.
func (l *loop) answered(route sendgrid.Route) {
	l.noteHealth(l.health.Answered(route), nil)
}

// tellHealth puts the health into the numbers; a failure only as long as there is something to send: if nothing is, nothing is tried.
func (l *loop) tellHealth(st *state.Stats) {
	st.Suspended, st.Full = l.health.Reason().String(), l.plan.Full()
	if f := l.health.Failing(); f.Why != "" && st.Window+st.OnTheWay+st.InDoubt > 0 {
		st.Failing, st.FailingSince = scrub.Text(f.Why), f.Since.UnixMilli()
	}
}
