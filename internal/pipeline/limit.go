package pipeline

import (
	"context"
	"strings"
	"time"

	"go.uber.org/zap"
)

// limitLook is how often a closed destination asks for its account's count.
const limitLook = 5 * time.Minute

// limit is the account's plan: where it is full, nobody is added. It is no state: a new owner finds out by its
// first batch.
type limit struct {
	closed   bool
	count    int // the account's contacts when that was asked for first; zero is unknown
	lookAt   time.Time
	under    bool // being asked for now
	previous int  // closings, so that an old answer opens nothing
}

// limited reports whether SendGrid says that the plan's contacts are used up.
func limited(message string) bool { return strings.Contains(strings.ToLower(message), "contact limit") }

// closes ends admission: who is not listed waits, in line; updates and removals go on.
func (l *loop) closes() {
	if l.limit.closed {
		return
	}
	l.limit = limit{closed: true, previous: l.limit.previous + 1}
	l.log.Error("the account's plan takes no more contacts: nobody is added until its count falls, or until: consumer resume",
		zap.Int("listed", l.state.book.Listed()))
}

// opens lets contacts be added again.
func (l *loop) opens(why string) {
	if l.limit.closed {
		l.limit.closed = false
		l.log.Info("contacts are added again", zap.String("because", why))
	}
}

// slots is how many contacts may be added now.
func (l *loop) slots(now time.Time) int {
	if !l.limit.closed {
		return l.state.book.Free(l.opts.Policy.Cap)
	}
	l.askCount(now)
	return 0
}

// askCount asks for the account's count from time to time while it is full.
func (l *loop) askCount(now time.Time) {
	if l.limit.under || now.Before(l.limit.lookAt) || l.stopping {
		return
	}
	closing := l.limit.previous
	l.limit.under = true
	l.task(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, l.opts.Policy.Timeout)
		defer cancel()
		c, err := l.opts.Prober.Counts(ctx)
		return func() { l.counted(closing, c.Contacts, err) }
	})
}

// counted opens admission where the account has fewer contacts than it had.
func (l *loop) counted(closing, contacts int, err error) {
	if closing != l.limit.previous {
		return
	}
	l.limit.under = false
	l.limit.lookAt = time.Now().Add(l.opts.Policy.scaled(limitLook))
	switch {
	case err != nil || !l.limit.closed:
	case l.limit.count == 0 || contacts > l.limit.count:
		l.limit.count = contacts
	case contacts < l.limit.count:
		l.opens("the account's count fell")
	}
}
