package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/broker"
)

// lookAgain is how often a stream is tried again that a limit of the account kept from being made.
const lookAgain = 2 * time.Second

// lacking is what a limit of the account kept from being made. What waits for it tries again, one at a time.
type lacking struct {
	mu   sync.Mutex
	make func(context.Context) error // nil where nothing is lacking
	err  error                       // of the last try
	at   time.Time
}

// note keeps what is lacking, with the limit.
func (l *lacking) note(make func(context.Context) error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.make, l.err, l.at = make, err, time.Now()
}

// again tries once more where it is time, and returns why it is lacking still; nil is that it is there. Nil is a receiver
// for which nothing is lacking.
func (l *lacking) again(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.make == nil || time.Since(l.at) < lookAgain {
		return l.err
	}
	l.err, l.at = l.make(ctx), time.Now()
	if l.err == nil {
		l.make = nil
	}
	return l.err
}

// limit reports whether a limit of the account keeps a stream from being made. One that is there and only can't have
// the size of the configuration works on as it is: that is logged.
func (a *App) limit(err error) bool {
	limit, is := errors.AsType[*broker.LimitError](err)
	if is && limit.There {
		a.log.Error("a stream keeps the size that it has", zap.Error(err))
		return false
	}
	return is
}

// made waits until our own streams are there. It reports false where the context ended.
func (a *App) made(ctx context.Context) bool {
	for a.ours.again(ctx) != nil {
		if !ask.Pause(ctx, lookAgain) {
			return false
		}
	}
	return ctx.Err() == nil
}
