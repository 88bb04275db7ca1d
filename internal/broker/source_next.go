package broker

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Next waits for events and returns those that are there, in stream order: one at least, some thousand at
// most. The slice is valid until the next call; the messages' bytes are the caller's.
//
// It sets itself right where the broker forgot a pull. It returns ctx's error, ErrReconnected,
// ErrConsumerMoved, ErrStreamMissing or nats.ErrConnectionClosed; after an error, look at the stream and Reset.
func (s *Source) Next(ctx context.Context) ([]Message, error) {
	if s.sub == nil {
		return nil, errors.New("read events: the source was not reset to a position")
	}
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for {
		if err := s.ready(); err != nil {
			return nil, err
		}
		timer.Reset(s.puller.patience())
		select {
		case msg := <-s.arrivals:
			if err := s.drain(ctx, msg); err != nil {
				return nil, err
			}
		case <-timer.C:
			if s.puller.paused() {
				break
			}
			s.outstanding = 0 // not even a heartbeat: the broker lost our pulls, or we the broker
			if err := s.verify(ctx); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if len(s.batch) > 0 {
			return s.batch, nil
		}
	}
}

// ready sees to it that events can come: on the same connection as at the Reset, with a consumer at our
// position, and pulls parked there.
func (s *Source) ready() error {
	if s.nc.IsClosed() {
		return nats.ErrConnectionClosed
	}
	if s.conn.Reconnects() != s.reconnects {
		return ErrReconnected
	}
	if s.broken {
		return ErrConsumerMoved
	}
	clear(s.batch)
	s.batch = s.batch[:0]
	return s.puller.fill()
}

// drain takes the message and all that has come behind it.
func (s *Source) drain(ctx context.Context, msg *nats.Msg) error {
	idle := false
	for {
		if msg.Reply == "" {
			end, err := s.puller.status(msg)
			if err != nil {
				s.log.Debug("broker ended a pull", zap.String("consumer", s.durable), zap.Error(err))
				s.broken = errors.Is(err, errConsumerGone)
			}
			idle = idle || end
		} else {
			s.accept(msg)
		}
		if s.broken || len(s.batch) >= maxBatch {
			break
		}
		select {
		case msg = <-s.arrivals:
			continue
		default:
		}
		break
	}
	if s.conn.Reconnects() != s.reconnects {
		return ErrReconnected // what came may be of another stream
	}
	if idle && len(s.batch) == 0 && !s.broken {
		return s.verify(ctx)
	}
	return nil
}

// accept judges one delivery: the next of the consumer's own sequence, or somebody else drew from it.
func (s *Source) accept(msg *nats.Msg) {
	s.outstanding--
	d, ok := parseReply(msg.Reply)
	if !ok || d.consumer != s.position+1 {
		s.broken = true
		return
	}
	s.position = d.consumer
	s.mu.Lock()
	newest := s.floor
	if n := len(s.unacked); n > 0 {
		newest = s.unacked[n-1].sequence
	}
	if d.stream > newest {
		s.unacked = append(s.unacked, unacked{sequence: d.stream, reply: msg.Reply})
	}
	s.mu.Unlock()
	if d.stream <= s.last {
		return // handed out before: a redelivery
	}
	s.last = d.stream
	s.batch = append(s.batch, Message{
		Subject: msg.Subject, Header: msg.Header, Body: msg.Data,
		Sequence: d.stream, Time: d.time(), Pending: d.pending,
	})
}

// idleCheck remembers when we looked at the consumer and which stream position it showed: one that a
// reset did not change is explained, and not set right again and again.
type idleCheck struct {
	stream uint64
	at     time.Time
}

// verify asks the broker where the consumer stands when nothing comes: had somebody else drawn the
// stream's last events, no later one would show the gap (H16).
func (s *Source) verify(ctx context.Context) error {
	if !s.nc.IsConnected() || time.Since(s.idle.at) < pullExpiry/2 {
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	cons, err := s.conn.JS.Consumer(ask, s.opts.Stream, s.durable)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		s.broken = true
		return nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return streamError(s.opts.Stream, "read", err)
	case err != nil:
		s.log.Debug("look at the consumer", zap.String("consumer", s.durable), zap.Error(err))
		return nil // an election, a broker restarting: the pulls tell
	}
	have := cons.CachedInfo().Delivered
	explained := have.Stream <= s.last || have.Stream == s.idle.stream
	s.idle = idleCheck{stream: have.Stream, at: time.Now()}
	if len(s.arrivals) == 0 {
		// A stream position beyond ours alone may be the consumer passing what was deleted or what our
		// filters leave out. One reset settles which it was.
		s.broken = have.Consumer != s.position || !explained
	}
	return nil
}
