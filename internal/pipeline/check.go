package pipeline

import (
	"context"

	"go.uber.org/zap"

	"rollcall/internal/health"
)

// askCheck looks at the destination before its first request; until it was found in order nothing is sent. What is wrong
// suspends it, with the same reasons as a request that is refused, and is probed like them. That SendGrid can't be asked
// suspends nothing: it is asked again for as long as it takes.
func (l *loop) askCheck() {
	l.health.BeginCheck()
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, l.opts.Policy.Timeout)
		defer cancel()
		return l.check(ctx)
	})
}

// check looks once.
func (l *loop) check(ctx context.Context) func() {
	name, err := l.opts.Check(ctx)
	return func() {
		reason, _ := health.Named(name)
		change, fields := l.health.Checked(reason, err != nil, l.now())
		l.noteHealth(change, err)
		if change == health.Failed {
			l.health.Fails(err.Error(), l.now())
			l.log.Warn("SendGrid cannot be asked how the destination stands; nothing is sent until it can", zap.Error(err))
		}
		if !fields {
			return
		}
		l.task(func(ctx context.Context) func() {
			resolved := l.resolveAgain(ctx) // ends the run if it finds them
			return func() { resolved(); l.health.Rest(l.now(), 0) }
		})
	}
}
