package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// Shred overwrites every message of a stream whose subject matches one of the filters and whose sequence
// is below the given one (0: every sequence), and returns how many there were. It is for erasures: a purge
// takes messages out of every answer, but leaves their bytes in the broker's files. What a newer message
// replaced before can't be addressed any more; those bytes go when the broker compacts their block.
func (c *Conn) Shred(ctx context.Context, stream string, filters []string, below uint64) (int, error) {
	if below == 1 || len(filters) == 0 {
		return 0, nil
	}
	r := Range{Stream: stream, Filters: filters, HeadersOnly: true}
	if below > 0 {
		r.To = below - 1
	}
	var found []uint64
	err := c.ReadRange(ctx, r, func(m Message) error {
		found = append(found, m.Sequence)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("find what is to be overwritten in stream %s: %w", stream, err)
	}
	return c.overwrite(ctx, stream, found)
}

// overwrite deletes messages so that their bytes are gone as well.
func (c *Conn) overwrite(ctx context.Context, stream string, found []uint64) (int, error) {
	s, err := c.JS.Stream(ctx, stream)
	if err != nil {
		return 0, streamError(stream, "overwrite messages of", err)
	}
	for i, sequence := range found {
		if err := s.SecureDeleteMsg(ctx, sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !noSuchMessage(err) {
			return i, fmt.Errorf("overwrite message %d of stream %s: %w (deny_delete has to be false there)", sequence, stream, err)
		}
	}
	return len(found), nil
}

// noSuchMessage says that the message went by itself since we listed it.
func noSuchMessage(err error) bool {
	var refused jetstream.JetStreamError
	if !errors.As(err, &refused) || refused.APIError() == nil {
		return false
	}
	const sequenceNotFound, messageNotFound = 10043, 10037
	code := refused.APIError().ErrorCode
	return code == sequenceNotFound || code == messageNotFound
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
