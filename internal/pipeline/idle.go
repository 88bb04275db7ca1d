package pipeline

import (
	"context"

	"rollcall/internal/broker"
)

// Idle is a source without events, for a destination that only has to let go of what it has listed.
type Idle struct{}

// Reset does nothing.
func (Idle) Reset(context.Context, uint64) error { return nil }

// Next blocks until the context ends.
func (Idle) Next(ctx context.Context) ([]broker.Message, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Ack does nothing.
func (Idle) Ack(context.Context, uint64) error { return nil }
