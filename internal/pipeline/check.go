package pipeline

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// checked reports whether the destination was looked at and found in order; until then nothing is sent. What is wrong
// suspends it before its first request, with the same reasons as a request that is refused, and is probed like them. That
// SendGrid cannot be asked suspends nothing: it is asked again for as long as it takes.
func (l *loop) checked() bool {
	if l.sound || l.opts.Check == nil {
		return true
	}
	if l.probing {
		return false
	}
	l.probing = true
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, l.opts.Policy.Timeout)
		defer cancel()
		reason, err := l.opts.Check(ctx)
		return func() { l.judged(reason, err) }
	})
	return false
}

// judged takes what the look found.
func (l *loop) judged(reason string, err error) {
	l.probing = false
	switch {
	case reason != "":
		l.refused = ""
		l.suspend(reason, err)
	case err != nil:
		l.backOff(time.Now(), 0)
		l.log.Warn("SendGrid cannot be asked how the destination stands; nothing is sent until it can", zap.Error(err))
	case l.missing: // fields that could not be asked for when it was claimed
		l.probing = true
		l.task(func(ctx context.Context) func() {
			resolved := l.resolveAgain(ctx) // ends the run where it finds them
			return func() { resolved(); l.backOff(time.Now(), 0) }
		})
	default:
		l.sound = true
		l.retry.Reset()
	}
}
