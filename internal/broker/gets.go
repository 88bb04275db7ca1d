package broker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// getRange reads a part of a stream by gets: bodies come also where nobody asked for them.
func (c *Conn) getRange(ctx context.Context, r Range, visit func(Message) error) error {
	state, err := c.whole(ctx, r.Stream)
	if err != nil {
		return err
	}
	if r.To == 0 {
		r.To = state.State.LastSeq
	}
	g := ask.Gets{
		NC: c.NC, Prefix: c.prefix, Stream: r.Stream, From: r.From, To: r.To, Since: r.Since, Direct: state.Config.AllowDirect,
	}
	if len(r.Filters) == 1 {
		g.Subject = r.Filters[0]
	}
	return g.Each(ctx, func(got *ask.Got) error {
		if len(r.Filters) > 1 && !slices.ContainsFunc(r.Filters, func(f string) bool { return covers(f, got.Subject) }) {
			return nil
		}
		m := Message{Subject: got.Subject, Header: got.Header, Sequence: got.Sequence, Time: got.Time}
		if !r.HeadersOnly {
			m.Body = got.Data
		}
		return visit(m)
	})
}

// getAfter is SequenceAfter by gets.
func (c *Conn) getAfter(ctx context.Context, stream string, t time.Time) (sequence uint64, found bool, err error) {
	r := Range{Stream: stream, Filters: EventFilters(), Since: t.Add(1), HeadersOnly: true}
	err = c.getRange(ctx, r, func(m Message) error {
		if !m.Time.After(t) {
			return nil
		}
		sequence, found = m.Sequence, true
		return errFound
	})
	if found {
		err = nil
	}
	return sequence, found, err
}

var errFound = errors.New("found")

// whole is a stream's settings and state as its leader has them.
func (c *Conn) whole(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := ask.Until(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.JS.Stream(ctx, name) })
	if err != nil {
		return nil, streamError(name, "look at", err)
	}
	return stream.CachedInfo(), nil
}
