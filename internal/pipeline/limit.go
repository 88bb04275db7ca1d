package pipeline

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// planFull ends admission: contacts that are not listed wait, in line; updates and removals go on.
func (l *loop) planFull() {
	if l.plan.Close() {
		l.log.Error("the account's plan takes no more contacts: nobody is added until its count falls, or until: consumer resume",
			zap.Int("listed", l.state.Book.Listed()))
	}
}

// planOpen lets contacts be added again.
func (l *loop) planOpen(why string) {
	if l.plan.Open() {
		l.log.Info("contacts are added again", zap.String("because", why))
	}
}

// slots is how many contacts may be added now.
func (l *loop) slots(now time.Time) int {
	if !l.plan.Full() {
		return l.state.Book.Free(l.opts.Policy.Cap)
	}
	l.askCount(now)
	return 0
}

// askCount asks for the account's count from time to time while its plan is full.
func (l *loop) askCount(now time.Time) {
	if l.stopping {
		return
	}
	closing, wanted := l.plan.Count(now)
	if !wanted {
		return
	}
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, l.opts.Policy.Timeout)
		defer cancel()
		c, err := l.opts.Prober.Counts(ctx)
		return func() {
			if l.plan.Counted(closing, c.Contacts, err != nil, l.now()) {
				l.log.Info("contacts are added again", zap.String("because", "the account's count fell"))
			}
		}
	})
}
