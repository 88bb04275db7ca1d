package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// overwrite deletes messages so that their bytes are gone as well, and returns how many. It is for erasures: a purge
// takes messages out of every answer, but leaves their bytes in the broker's files. What a newer message replaced
// before can't be addressed any more; those bytes go when the broker compacts their block.
func (c *Conn) overwrite(ctx context.Context, stream string, found []uint64) error {
	s, err := c.JS.Stream(ctx, stream)
	if err != nil {
		return streamError(stream, "overwrite messages of", err)
	}
	for _, sequence := range found {
		if err := s.SecureDeleteMsg(ctx, sequence); err != nil && !gone(ctx, s, sequence, err) {
			return fmt.Errorf("overwrite message %d of stream %s: %w (deny_delete has to be false there)", sequence, stream, err)
		}
	}
	return nil
}

// gone reports whether a message that could not be deleted is not there any more: it went by itself, or by an earlier try.
// The client hands the broker's reason on as text alone, so the broker is asked.
func gone(ctx context.Context, s jetstream.Stream, sequence uint64, err error) bool {
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		_, err = s.GetMsg(ctx, sequence)
	}
	return errors.Is(err, jetstream.ErrMsgNotFound)
}

// ConsumerState is where a destination's durable stands.
type ConsumerState struct {
	Delivered, AckFloor uint64 // stream sequences
	Pending             uint64 // events not yet delivered
}

// InspectConsumer looks at a destination's durable; false where there is none. One with a floor but
// without a journal tells of a ledger that was lost.
func (c *Conn) InspectConsumer(ctx context.Context, stream, destination string) (ConsumerState, bool, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	cons, err := ask.Until(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return c.JS.Consumer(ctx, stream, DurableName(destination))
	})
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return ConsumerState{}, false, nil
	}
	if err != nil {
		return ConsumerState{}, false, streamError(stream, "look at consumer "+DurableName(destination)+" of", err)
	}
	info := cons.CachedInfo()
	return ConsumerState{Delivered: info.Delivered.Stream, AckFloor: info.AckFloor.Stream, Pending: info.NumPending}, true, nil
}

// DeleteConsumer removes a destination's durable; that there is none is no error.
func (c *Conn) DeleteConsumer(ctx context.Context, stream, destination string) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	err := c.JS.DeleteConsumer(ctx, stream, DurableName(destination))
	if err == nil || errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	return fmt.Errorf("delete consumer %s of stream %s: %w", DurableName(destination), stream, err)
}
