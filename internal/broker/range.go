package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// rangeReader reads a part of a stream with a consumer of its own, which holds no state that matters: on
// any gap it is made anew behind what was read.
type rangeReader struct {
	conn    *Conn
	stream  string
	filters []string
	to      uint64
	headers bool // no bodies
	since   time.Time

	next     uint64 // the sequence to read from
	consumer string
}

// ReadRange calls visit with each event from sequence from to sequence to, both included, in stream order;
// to 0 is the stream's end as it is when the reading begins. Without filters it reads everything. It stops
// at visit's error and returns it as it is.
func (c *Conn) ReadRange(ctx context.Context, r Range, visit func(Message) error) error {
	if c.gets {
		return c.getRange(ctx, r, visit)
	}
	if r.To == 0 {
		state, err := c.InspectStream(ctx, r.Stream)
		var unfit *UnfitError
		if err != nil && !errors.As(err, &unfit) {
			return err
		}
		r.To = state.LastSeq
	}
	reader := &rangeReader{conn: c, stream: r.Stream, filters: r.Filters, to: r.To, headers: r.HeadersOnly, since: r.Since, next: max(r.From, 1)}
	if !r.Since.IsZero() {
		reader.next = 0 // told by the first event
	}
	err := reader.read(ctx, visit)
	if ask.CodeOf(err) != codeMaxConsumers {
		return err
	}
	if reader.next > 0 {
		r.From, r.Since = reader.next, time.Time{}
	}
	return c.getRange(ctx, r, visit) // no more consumers may be made here
}

// Range is a part of a stream.
type Range struct {
	Stream      string
	Filters     []string // subjects; none is all
	From, To    uint64   // sequences, both included; To 0 is the stream's end
	HeadersOnly bool     // no bodies

	Since time.Time // instead of From: events that the broker stored at this time or later
}

func (r *rangeReader) read(ctx context.Context, visit func(Message) error) error {
	p := puller{nc: r.conn.NC}
	defer p.stop()
	for r.next <= r.to {
		done, err := r.readOnce(ctx, &p, visit)
		if done || err != nil {
			return err
		}
	}
	return nil
}

// readOnce reads with one consumer until the end, or until the consumer fails.
func (r *rangeReader) readOnce(ctx context.Context, p *puller, visit func(Message) error) (done bool, err error) {
	info, err := r.consume(ctx)
	if err != nil {
		return false, err
	}
	defer r.remove()
	if info.NumPending == 0 {
		return true, nil
	}
	p.subject = r.conn.prefix + "CONSUMER.MSG.NEXT." + r.stream + "." + r.consumer
	if err := p.renew(); err != nil {
		return false, err
	}
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for position := uint64(0); ; {
		if err := p.fill(); err != nil {
			return false, err
		}
		timer.Reset(p.patience())
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-timer.C:
			return false, nil // with a new consumer, which also shows whether anything is left
		case msg := <-p.arrivals:
			if msg.Reply == "" {
				if ended, _ := p.status(msg); ended {
					return false, nil
				}
				continue
			}
			p.outstanding--
			d, ok := parseReply(msg.Reply)
			if position++; !ok || d.consumer != position {
				return false, nil
			}
			if d.stream > r.to {
				return true, nil
			}
			if err := visit(Message{
				Subject: msg.Subject, Header: msg.Header, Body: msg.Data,
				Sequence: d.stream, Time: d.time(), Pending: d.pending,
			}); err != nil {
				return false, err
			}
			r.next = d.stream + 1
			if d.pending == 0 || r.next > r.to {
				return true, nil
			}
		}
	}
}

func (r *rangeReader) consume(ctx context.Context) (*jetstream.ConsumerInfo, error) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		try, cancel := context.WithTimeout(ctx, connectTimeout)
		cons, err := ask.Fitting(r.config(), func(cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
			return r.conn.JS.CreateConsumer(try, r.stream, cfg)
		})
		cancel()
		var refused jetstream.JetStreamError
		switch {
		case err == nil:
			r.consumer = cons.CachedInfo().Name
			return cons.CachedInfo(), nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return nil, streamError(r.stream, "read", err)
		case errors.As(err, &refused) && refused.APIError() != nil && refused.APIError().Code < 500,
			errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrPermissionViolation):
			return nil, fmt.Errorf("read stream %s from sequence %d: %w", r.stream, r.next, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// config begins where the reading is: at a time before the first event, at a sequence from then on.
func (r *rangeReader) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.next, AckPolicy: jetstream.AckNonePolicy,
		FilterSubjects: r.filters, HeadersOnly: r.headers, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute,
	}
	if r.next == 0 {
		c.DeliverPolicy, c.OptStartSeq, c.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &r.since
	}
	return c
}

// remove takes the consumer away at once; the broker would do it a minute later.
func (r *rangeReader) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.conn.JS.DeleteConsumer(ctx, r.stream, r.consumer) // it ends by itself as well
}
