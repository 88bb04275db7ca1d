package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"rollcall/internal/ask"
)

const (
	maxAckWait    = 60 * time.Second
	maxAckPending = 65_536 // two commits of some thousand events, many times over
)

// ErrReconnected says that the connection was lost and is back: the stream may be another one by the same
// name. Look at it, then Reset to the cursor; until then Next says so again.
var ErrReconnected = errors.New("the connection to the broker was re-made")

// ErrConsumerMoved says that somebody else drew events from the consumer, moved it or deleted it, as it is
// together with its stream. Look at the stream, which may be another one by the same name, then Reset to the
// cursor; until then Next says so again.
var ErrConsumerMoved = errors.New("the durable consumer was moved or deleted by somebody else")

// Message is one event as it lies in the stream.
type Message struct {
	Subject  string
	Header   nats.Header // nil where it has none
	Body     []byte      // owned by the receiver
	Sequence uint64
	Time     time.Time // when the broker stored it
	Pending  uint64    // how many messages of our filters lay after it when it was sent
}

// SourceOptions says what to read, and for whom.
type SourceOptions struct {
	Stream      string
	Destination string        // names the durable: rollcall-<destination>
	Filters     []string      // nil: every event of Rollcall's
	AckWait     time.Duration // at most, and by default, 60 s
	Log         *zap.Logger
}

// Source hands out the events of one destination's durable consumer in stream order, each once between
// two Resets. Next and Reset are for one goroutine at a time; Ack may be called from another.
//
// Nothing at the broker is made or moved before the first Reset, which a replica calls after its claim.
type Source struct {
	conn    *Conn
	opts    SourceOptions
	durable string
	log     *zap.Logger

	mu      sync.Mutex
	unacked []unacked // handed out (or dropped as seen) and not acknowledged, in stream order
	floor   uint64    // everything up to here is acknowledged, or was before the Reset

	puller
	last       uint64 // stream sequence of the last event handed out
	position   uint64 // consumer sequence of the last message that came
	broken     bool   // somebody else drew events: to be reset before it goes on
	reconnects uint64 // of the connection, at the Reset
	idle       idleCheck
	batch      []Message
}

// unacked is an event that came, with the subject that acknowledges it.
type unacked struct {
	sequence uint64
	reply    string
}

// OpenSource prepares a source. It looks at the stream, so that a missing one is an error here; it makes
// no consumer (see Reset).
func (c *Conn) OpenSource(ctx context.Context, o SourceOptions) (*Source, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.AckWait <= 0 || o.AckWait > maxAckWait {
		o.AckWait = maxAckWait
	}
	if len(o.Filters) == 0 {
		o.Filters = EventFilters()
	}
	state, err := c.InspectStream(ctx, o.Stream)
	if err != nil {
		return nil, err
	}
	if allCovered(o.Filters, state.Subjects) {
		o.Filters = nil // a filter list halves the speed; this stream has nothing else
	}
	durable := DurableName(o.Destination)
	return &Source{
		conn: c, opts: o, durable: durable, log: o.Log,
		puller: puller{nc: c.NC, subject: c.prefix + "CONSUMER.MSG.NEXT." + o.Stream + "." + durable},
	}, nil
}

// DurableName is the name of a destination's consumer.
func DurableName(destination string) string { return "rollcall-" + destination }

// Reset makes the next event that Next returns the first at or above from, whatever the consumer's
// position was, and makes the consumer where there is none. What was handed out before can't be
// acknowledged any more, unless Next goes on right behind it: then the consumer is put back to what is
// acknowledged, not to what was handed out, so that the broker's floor never passes a commit (I1), and what comes
// again is dropped.
func (s *Source) Reset(ctx context.Context, from uint64) error {
	from = max(from, 1)
	s.reconnects = s.conn.Reconnects()
	to := from
	s.mu.Lock()
	if s.sub != nil && from == s.last+1 && s.floor < s.last {
		to = s.floor + 1
	}
	s.mu.Unlock()
	if err := s.rewind(ctx, to); err != nil {
		return fmt.Errorf("reset consumer %s of stream %s to sequence %d: %w", s.durable, s.opts.Stream, to, err)
	}
	s.last, s.idle = from-1, idleCheck{}
	return nil
}

// rewind moves the consumer to from and forgets the deliveries before. What comes again and was handed
// out is dropped, because last stays.
func (s *Source) rewind(ctx context.Context, from uint64) error {
	if err := s.puller.renew(); err != nil {
		return err
	}
	if err := s.resetConsumer(ctx, from); err != nil {
		return err
	}
	s.mu.Lock()
	s.unacked, s.floor = nil, from-1
	s.mu.Unlock()
	s.position, s.broken = 0, false
	return nil
}

func (s *Source) resetConsumer(ctx context.Context, from uint64) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	js := s.conn.JS
	cons, err := ask.Until(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return js.Consumer(ctx, s.opts.Stream, s.durable)
	})
	if errors.Is(err, jetstream.ErrConsumerNotFound) || (err == nil && !s.fits(cons.CachedInfo().Config)) {
		err = ask.Done(ctx, s.makeConsumer)
	}
	if err != nil {
		return s.explain(ctx, err)
	}
	err = ask.Done(ctx, func(ctx context.Context) error {
		_, err := js.ResetConsumerToSequence(ctx, s.opts.Stream, s.durable, from)
		return err
	})
	return s.explain(ctx, err)
}

// makeConsumer creates the durable, or brings one of another release or hand into the form needed. One
// that can't be edited is made anew: its position is of no account, the cursor's is.
func (s *Source) makeConsumer(ctx context.Context) error {
	create := func(cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
		return s.conn.JS.CreateOrUpdateConsumer(ctx, s.opts.Stream, cfg)
	}
	_, err := ask.Fitting(s.config(), create)
	if err == nil || errors.Is(err, jetstream.ErrStreamNotFound) || ctx.Err() != nil {
		return err
	}
	if gone := s.conn.JS.DeleteConsumer(ctx, s.opts.Stream, s.durable); gone != nil {
		return errors.Join(err, gone)
	}
	_, err = ask.Fitting(s.config(), create)
	return err
}

func (s *Source) config() jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: s.durable, Description: "Rollcall: what destination " + s.opts.Destination + " has durably taken over",
		DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckAllPolicy, AckWait: s.opts.AckWait,
		MaxDeliver: -1, MaxAckPending: maxAckPending, FilterSubjects: s.opts.Filters,
	}
}

func (s *Source) fits(have jetstream.ConsumerConfig) bool {
	want := s.config()
	if have.FilterSubject != "" {
		have.FilterSubjects = []string{have.FilterSubject}
	}
	return have.DeliverPolicy == want.DeliverPolicy && have.AckPolicy == want.AckPolicy && have.AckWait == want.AckWait &&
		have.MaxDeliver == want.MaxDeliver && have.MaxAckPending == want.MaxAckPending && len(have.BackOff) == 0 &&
		!have.HeadersOnly && slices.Equal(have.FilterSubjects, want.FilterSubjects)
}

func (s *Source) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return streamError(s.opts.Stream, "read", err)
	case ask.CodeOf(err) == codeMaxConsumers:
		return s.conn.tooMany(ctx, s.opts.Stream, err)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w (resetting a consumer needs nats-server 2.14 or later)", err)
	}
	return err
}

// Ack acknowledges, cumulatively and confirmed, the last event at or below sequence that was handed out.
// Where none is left to acknowledge it does nothing. An error leaves it to the next Ack: the cursor is
// what counts.
func (s *Source) Ack(ctx context.Context, sequence uint64) error {
	s.mu.Lock()
	n := sort.Search(len(s.unacked), func(i int) bool { return s.unacked[i].sequence > sequence })
	if n == 0 {
		s.mu.Unlock()
		return nil
	}
	to := s.unacked[n-1]
	s.mu.Unlock()
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	if _, err := s.conn.NC.RequestWithContext(ctx, to.reply, ackBody); err != nil {
		return fmt.Errorf("acknowledge stream %s up to sequence %d for consumer %s: %w", s.opts.Stream, to.sequence, s.durable, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n = sort.Search(len(s.unacked), func(i int) bool { return s.unacked[i].sequence > to.sequence })
	clear(s.unacked[:n])
	s.unacked, s.floor = s.unacked[n:], max(s.floor, to.sequence)
	return nil
}

var ackBody = []byte("+ACK")

// Stop ends the pulls. The consumer stays, as it is.
func (s *Source) Stop() { s.puller.stop() }
