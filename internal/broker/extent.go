package broker

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Extent is what a stream holds: it is another one whenever a message came or went.
type Extent struct{ First, Last, Messages uint64 }

// Extent looks at a stream of any kind. A stream that is not there holds nothing.
func (c *Conn) Extent(ctx context.Context, name string) (Extent, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := c.JS.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Extent{}, nil
	}
	if err != nil {
		return Extent{}, streamError(name, "look at", err)
	}
	st := stream.CachedInfo().State
	return Extent{st.FirstSeq, st.LastSeq, st.Msgs}, nil
}

// LastEntry is the stream sequence of the last entry of a destination's ledger; zero is none.
func (c *Conn) LastEntry(ctx context.Context, destination string) (uint64, error) {
	last, err := c.lastOf(ctx, LedgerStream, "rollcall.ledger."+destination)
	if err != nil || last == nil {
		return 0, err
	}
	return last.Sequence, nil
}

// RefreshedAt is when the refresh of a segment that begins with event first was published, or false if the stream has it no more.
func (c *Conn) RefreshedAt(ctx context.Context, stream, segment string, first uint64) (time.Time, bool, error) {
	last, err := c.lastOf(ctx, stream, "segments.refreshed."+segment+"."+strconv.FormatUint(first, 10))
	if err != nil || last == nil {
		return time.Time{}, false, err
	}
	return last.Time, true, nil
}

// lastOf is the last message on a subject; nil if there is none, or no such stream.
func (c *Conn) lastOf(ctx context.Context, name, subject string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := c.JS.Stream(ctx, name)
	if err == nil {
		var last *jetstream.RawStreamMsg
		if last, err = stream.GetLastMsgForSubject(ctx, subject); err == nil {
			return last, nil
		}
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return nil, streamError(name, "look at", err)
}
