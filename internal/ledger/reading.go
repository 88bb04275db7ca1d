package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

const (
	readBatch    = 256
	readExpiry   = 5 * time.Second
	readBeat     = 500 * time.Millisecond // the broker's sign of life; two that fail to come end a pass
	readSilence  = 3 * time.Second        // signs of life and nothing else: what we wait for was purged
	readPatience = 30 * time.Second       // without any message: the caller tries anew, and says why
)

// each visits the messages of a subject in order, up to the end as it is when it comes there. A consumer that dies, with its
// server or with its leader, is followed by another one from where it had come, so that an election costs no more than itself.
func (s *streams) each(ctx context.Context, stream, subject string, r reading, visit func(item) error) error {
	if s.gets {
		return s.byGets(ctx, stream, subject, r, visit)
	}
	p := &pass{js: s.js, stream: stream, subject: subject, headers: r.headers, next: max(r.from, 1), progress: time.Now(), visit: visit}
	for {
		err := p.run(ctx)
		switch {
		case err == nil:
			return nil
		case p.refused != nil:
			return p.refused
		case ask.CodeOf(err) == ask.CodeMaxConsumers: // no more may be made here
			r.from = p.next
			return s.byGets(ctx, stream, subject, r, visit)
		case ctx.Err() != nil, ask.Answered(err) && !interrupted(err), time.Since(p.progress) > readPatience:
			return fmt.Errorf("read stream %s: %w", stream, err)
		}
	}
}

// interrupted reports whether an error ends one consumer and says nothing of the stream.
func interrupted(err error) bool {
	for _, end := range []error{
		jetstream.ErrNoHeartbeat, jetstream.ErrConsumerDeleted, jetstream.ErrConsumerLeadershipChanged, jetstream.ErrConsumerNotFound,
		jetstream.ErrServerShutdown, jetstream.ErrMsgIteratorClosed, errGap,
	} {
		if errors.Is(err, end) {
			return !errors.Is(err, nats.ErrConnectionClosed)
		}
	}
	return false
}

var errGap = errors.New("the consumer left a message out")

// pass is one consumer's reading, and where the next one begins.
type pass struct {
	js              jetstream.JetStream
	stream, subject string
	headers         bool
	next            uint64    // the sequence to read from
	progress        time.Time // when the last message came
	visit           func(item) error
	refused         error // by visit
}

func (p *pass) run(ctx context.Context) error {
	consumer, err := p.consumer(ctx)
	if err != nil {
		return err
	}
	info := consumer.CachedInfo()
	defer p.drop(ctx, info.Name)
	if info.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(readBatch), jetstream.PullExpiry(readExpiry),
		jetstream.PullHeartbeat(readBeat), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for n := uint64(1); ; n++ {
		msg, err := next(ctx, messages)
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Consumer != n {
			return errGap
		}
		if p.refused = p.visit(item{seq: meta.Sequence.Stream, header: msg.Headers(), body: msg.Data()}); p.refused != nil {
			return p.refused
		}
		p.next, p.progress = meta.Sequence.Stream+1, time.Now()
		if meta.NumPending == 0 {
			return nil
		}
	}
}

func (p *pass) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithDeadline(ctx, p.progress.Add(readPatience))
	defer cancel()
	return ask.Until(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return ask.Fitting(jetstream.ConsumerConfig{
			FilterSubjects: []string{p.subject}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: p.next,
			AckPolicy: jetstream.AckNonePolicy, HeadersOnly: p.headers, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute,
		}, func(cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
			return p.js.CreateConsumer(ctx, p.stream, cfg)
		})
	})
}

// drop removes a consumer that has done its work, where the broker answers: it ends by itself as well.
func (p *pass) drop(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = p.js.DeleteConsumer(ctx, p.stream, name) // says only that it is gone, or will be
}

func next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, readSilence)
	defer cancel()
	return messages.Next(jetstream.NextContext(ctx))
}
