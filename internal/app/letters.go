package app

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/broker"
)

// letterBook holds how many dead letters are there, by destination and reason.
type letterBook struct {
	mu            sync.Mutex
	counted       bool
	extent        broker.Extent // of the stream when they were counted
	byDestination map[string]map[string]uint64
}

// of gives a destination's by reason; nil until they were counted once. The caller does not change it.
func (b *letterBook) of(destination string) (byReason map[string]uint64, counted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byDestination[destination], b.counted
}

// How often the stream of dead letters is looked at, and the least part of the time that counting them leaves to other work.
const (
	lookForLetters = 2 * time.Second
	letterShare    = 20
)

// countLetters keeps the book, until the context ends. The letters are counted again whenever the stream is not as it was: who
// discards some does so at another replica, or by hand.
func (a *App) countLetters(ctx context.Context) {
	rest := time.Duration(0)
	for ask.Pause(ctx, rest) {
		began := time.Now()
		if err := a.letters.count(ctx, a.conn); err != nil && ctx.Err() == nil {
			a.log.Debug("the dead letters cannot be counted; it is tried again", zap.Error(err))
		}
		rest = max(lookForLetters, letterShare*time.Since(began))
	}
}

func (b *letterBook) count(ctx context.Context, conn *broker.Conn) error {
	extent, err := conn.Extent(ctx, broker.DeadLetterStream)
	if err != nil {
		return err
	}
	b.mu.Lock()
	known := b.counted && b.extent == extent
	b.mu.Unlock()
	if known {
		return nil
	}
	counts := map[string]map[string]uint64{}
	if extent.Messages > 0 {
		r := broker.Range{Stream: broker.DeadLetterStream, Filters: []string{"rollcall.dead.>"}, From: 1, HeadersOnly: true}
		err = conn.ReadRange(ctx, r, func(m broker.Message) error {
			tokens := strings.SplitN(m.Subject, ".", 4)
			if len(tokens) < 4 {
				return nil
			}
			if counts[tokens[2]] == nil {
				counts[tokens[2]] = map[string]uint64{}
			}
			counts[tokens[2]][m.Header.Get("Rollcall-Reason")]++
			return nil
		})
		if err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counted, b.extent, b.byDestination = true, extent, counts
	return nil
}
