package publish

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"rollcall/internal/broker"
)

const (
	singleTimeout = 5 * time.Second // for the answer to one event
	batchTimeout  = 10 * time.Second
)

// receipt is the broker's answer to messages that were sent together.
type receipt struct {
	last      uint64 // sequence of the last one; 0 where it is not told
	duplicate bool   // the broker knows one of the ids
}

// awaiting waits for the broker's answer to what was sent.
type awaiting func(context.Context) (receipt, error)

// carrier brings messages to the stream.
type carrier interface {
	// send writes the messages, in order, and returns before they are answered. All of them are stored, or none.
	send(ctx context.Context, msgs []*nats.Msg) (awaiting, error)
	// one writes one message of a batch by itself, under the same id.
	one(ctx context.Context, m *nats.Msg) (awaiting, error)
	// last is the stream's last sequence.
	last(ctx context.Context) (uint64, error)
}

// stream is the carrier of life: atomic batches where the stream takes them, else one message at a time, both asynchronous.
type stream struct {
	conn   *broker.Conn
	js     jetstream.JetStream // of our own: its limits and timeouts are ours
	watch  *watch
	name   string
	atomic bool
}

func newCarrier(conn *broker.Conn, state broker.StreamState, window int) (*stream, error) {
	js, err := jetstream.New(conn.NC, jetstream.WithDefaultTimeout(batchTimeout),
		jetstream.WithPublishAsyncMaxPending(window+1), jetstream.WithPublishAsyncTimeout(singleTimeout))
	if err != nil {
		return nil, fmt.Errorf("open JetStream to publish to %s: %w", state.Name, err)
	}
	s := &stream{conn: conn, js: js, name: state.Name, atomic: state.AllowAtomic}
	s.watch = newWatch(conn, s.denied)
	return s, nil
}

// close ends the waiting for answers.
func (s *stream) close() {
	s.watch.close()
	s.js.CleanupPublisher()
}

func (s *stream) last(ctx context.Context) (uint64, error) {
	state, err := s.conn.InspectStream(ctx, s.name)
	return state.LastSeq, err
}

func (s *stream) send(ctx context.Context, msgs []*nats.Msg) (awaiting, error) {
	if err := s.connected(ctx); err != nil {
		return nil, err
	}
	if s.atomic {
		return s.batch(msgs)
	}
	return s.single(msgs[0])
}

// connected waits until there is a connection, for a moment: what is written without one is kept back and sent some time later.
func (s *stream) connected(ctx context.Context) error {
	if s.conn.NC.IsConnected() {
		return nil
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for range 50 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if s.conn.NC.IsConnected() {
			return nil
		}
	}
	if s.conn.NC.IsClosed() {
		return &permanentError{nats.ErrConnectionClosed}
	}
	return errNotSent
}

// batch sends an atomic batch. Nothing is stored before its last message, which carries the commit, arrives.
func (s *stream) batch(msgs []*nats.Msg) (awaiting, error) {
	publisher, err := jetstreamext.NewBatchPublisher(s.js, jetstreamext.BatchFlowControl{AckFirst: false})
	if err != nil {
		return nil, err
	}
	last, connection := len(msgs)-1, s.watch.connection()
	for _, m := range msgs {
		m.Header.Del(jetstreamext.BatchCommitHeader)
	}
	for _, m := range msgs[:last] {
		if err := publisher.AddMsg(m); err != nil {
			return nil, fmt.Errorf("%w: %w", errNotSent, s.verdict(err))
		}
	}
	return func(ctx context.Context) (receipt, error) {
		wait, cancel := while(ctx, connection, batchTimeout)
		defer cancel()
		ack, err := publisher.CommitMsg(wait, msgs[last])
		if code(err) == codeDuplicateInBatch {
			return receipt{duplicate: true}, nil
		}
		if err != nil && connection.Err() != nil {
			err = errConnectionLost
		}
		if err != nil {
			return receipt{}, s.explain(ctx, msgs[0].Subject, err)
		}
		return receipt{last: ack.Sequence}, s.at(ack.Stream)
	}, nil
}

func (s *stream) one(ctx context.Context, m *nats.Msg) (awaiting, error) {
	if err := s.connected(ctx); err != nil {
		return nil, err
	}
	alone := &nats.Msg{Subject: m.Subject, Data: m.Data, Header: maps.Clone(m.Header)}
	for _, batch := range []string{jetstreamext.BatchIDHeader, jetstreamext.BatchSeqHeader, jetstreamext.BatchCommitHeader} {
		alone.Header.Del(batch)
	}
	return s.single(alone)
}

func (s *stream) single(m *nats.Msg) (awaiting, error) {
	connection := s.watch.connection()
	future, err := s.js.PublishMsgAsync(m, jetstream.WithStallWait(singleTimeout))
	if err != nil {
		return nil, s.verdict(err)
	}
	return func(ctx context.Context) (receipt, error) {
		select {
		case ack := <-future.Ok():
			return receipt{last: ack.Sequence, duplicate: ack.Duplicate}, s.at(ack.Stream)
		case err := <-future.Err():
			return receipt{}, s.explain(ctx, m.Subject, err)
		case <-connection.Done():
			return receipt{}, s.verdict(errConnectionLost)
		case <-ctx.Done():
			return receipt{}, context.Cause(ctx)
		}
	}, nil
}
