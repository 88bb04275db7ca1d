package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/internal/broker"
)

const (
	// DefaultSource is the source of events whose publisher names none.
	DefaultSource = "/rollcall/publisher"
	// DefaultWindow is how many events may be published and not yet acknowledged.
	DefaultWindow = 4000
	// DefaultPatience is how long a publish is tried again.
	DefaultPatience = 2 * time.Minute

	maxBatch      = 1000    // events of an atomic batch: the broker's default limit; where its limit is lower batches are halved
	maxBatchBytes = 4 << 20 // of one batch, about
	linger        = 50 * time.Millisecond
)

// Options says how to publish.
type Options struct {
	Stream   string        // empty is broker.DefaultEventStream
	Source   string        // of the events; empty is DefaultSource
	Create   bool          // makes a keyed stream where there is none
	Window   int           // 0 is DefaultWindow
	Patience time.Duration // 0 is DefaultPatience; less than 15 s gives up within a leader's election
	// AllowEmpty lets a refresh without a row end: everybody leaves the segment. Without it that is ErrEmpty, since such
	// an input is nearly always an export that failed.
	AllowEmpty bool
	Observe    func(Progress) // is called after each acknowledgement, one at a time; it must not call the publisher
}

// Open looks at the stream and takes its form from it. The publication ends with ctx.
func Open(ctx context.Context, conn *broker.Conn, o Options) (*Publisher, error) {
	o, err := o.defaults()
	if err != nil {
		return nil, err
	}
	state, err := look(ctx, conn, o)
	if err != nil {
		return nil, err
	}
	c, err := newCarrier(conn, state, o.Window)
	if err != nil {
		return nil, err
	}
	p := start(ctx, o, c, state)
	p.stop, p.payload = c.close, conn.NC.MaxPayload()
	return p, nil
}

func (o Options) defaults() (Options, error) {
	o.Stream, o.Source = cmp.Or(o.Stream, broker.DefaultEventStream), cmp.Or(o.Source, DefaultSource)
	o.Window, o.Patience = cmp.Or(o.Window, DefaultWindow), cmp.Or(o.Patience, DefaultPatience)
	switch {
	case !validSource(o.Source):
		return o, errors.New("the source is too long, or has white space or control characters in it")
	case o.Window < 0:
		return o, errors.New("the window is negative")
	}
	return o, nil
}

// look inspects the stream, or makes it.
func look(ctx context.Context, conn *broker.Conn, o Options) (broker.StreamState, error) {
	state, err := conn.InspectStream(ctx, o.Stream)
	if o.Create && errors.Is(err, broker.ErrStreamMissing) {
		state, err = conn.EnsureEventStream(ctx, o.Stream, 0)
	}
	switch {
	case errors.Is(err, broker.ErrStreamMissing):
		return state, fmt.Errorf("publish: %w; --create makes it too", err)
	case err != nil:
		return state, err
	case len(state.Subjects) == 0:
		return state, fmt.Errorf("publish to stream %s: it is a mirror, or fed by other streams alone: publish to its origin", o.Stream)
	}
	return state, nil
}

// start begins a publication: of batches where the stream takes them, else of single events.
func start(ctx context.Context, o Options, c carrier, state broker.StreamState) *Publisher {
	size := 1
	if state.AllowAtomic {
		size = min(max(o.Window/4, 1), maxBatch)
	}
	p := &Publisher{
		encoder: newEncoder(o.Source, state.Keyed), opts: o, carrier: c, batches: size > 1, stop: func() {},
		opened: make(chan *unit), places: make(chan struct{}, max(o.Window/size, 1)), busy: map[uint64]*unit{},
		tally: tally{observe: o.Observe, known: state.LastSeq},
	}
	p.size.Store(int64(size))
	for range cap(p.places) {
		p.places <- struct{}{}
	}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.work.Go(p.sealLate)
	return p
}
