package model

import (
	"context"
	"time"

	"rollcall/internal/broker"
)

// Reset implements pipeline.Source.
func (p *process) Reset(ctx context.Context, from uint64) error {
	if err := p.step(ctx, "reset"); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = from
	return nil
}

// Next implements pipeline.Source: a few events at a time.
func (p *process) Next(ctx context.Context) ([]broker.Message, error) {
	for {
		p.nap(ctx, 30*time.Millisecond)
		if err := p.step(ctx, "next"); err != nil {
			return nil, err
		}
		if out := p.redelivered(); len(out) > 0 {
			return out, nil
		}
		if p.w.stumbles("moved") != nil {
			p.mu.Lock()
			p.at++ // somebody else drew an event
			p.mu.Unlock()
			return nil, broker.ErrConsumerMoved
		}
		p.mu.Lock()
		at := p.at
		p.mu.Unlock()
		held, more := p.w.stream.from(at)
		if len(held) > 0 {
			return p.hand(held), nil
		}
		select {
		case <-more:
		case <-p.killed:
		case <-ctx.Done():
		}
	}
}

// hand takes a few of the events that are there.
func (p *process) hand(held []broker.Message) []broker.Message {
	n := 1 + int(p.w.between(0, 3))
	n = min(n, len(held))
	out := held[:n:n]
	p.w.watch.reads(held, n)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range out {
		out[i].Pending = uint64(len(held)-1-i) + p.ghosts
		p.handed = append(p.handed, out[i].Sequence)
	}
	p.at = out[n-1].Sequence + 1
	return out
}

// redeliver lets the replica have an event again that was handed out before, whatever came after it.
func (p *process) redeliver(m broker.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.again = append(p.again, m)
}

// redelivered takes what comes again, with what lies behind the reading now, as a broker counts it.
func (p *process) redelivered() []broker.Message {
	p.mu.Lock()
	out, at := p.again, p.at
	p.again = nil
	p.mu.Unlock()
	if len(out) == 0 {
		return nil
	}
	held, _ := p.w.stream.from(at) // not under the lock: a story takes the stream's before ours
	for i := range out {
		out[i].Pending = uint64(len(held)) + p.ghosts
	}
	return out
}

// Ack implements pipeline.Source.
func (p *process) Ack(ctx context.Context, seq uint64) error {
	p.nap(ctx, 20*time.Millisecond)
	if err := p.step(ctx, "ack"); err != nil {
		return err
	}
	p.w.watch.acked(seq)
	return nil
}

// InspectStream implements pipeline.Stream.
func (p *process) InspectStream(ctx context.Context, name string) (broker.StreamState, error) {
	if err := p.step(ctx, "inspect"); err != nil {
		return broker.StreamState{}, err
	}
	return p.w.stream.InspectStream(ctx, name)
}

// SequenceAfter implements pipeline.Stream. It goes with a look at the stream, and is no step of its own.
func (p *process) SequenceAfter(ctx context.Context, name string, t time.Time) (uint64, bool, error) {
	return p.w.stream.SequenceAfter(ctx, name, t)
}

// ReadSequences implements pipeline.Stream.
func (p *process) ReadSequences(ctx context.Context, name string, sequences []uint64) ([]broker.Message, error) {
	p.nap(ctx, 20*time.Millisecond)
	if err := p.step(ctx, "read"); err != nil {
		return nil, err
	}
	return p.w.stream.ReadSequences(ctx, name, sequences)
}

// PublishDeadLetters implements pipeline.Letters.
func (p *process) PublishDeadLetters(ctx context.Context, letters []broker.DeadLetter) error {
	p.nap(ctx, 20*time.Millisecond)
	if err := p.step(ctx, "letter"); err != nil {
		return err
	}
	for _, l := range letters {
		p.w.tell("letter: event %d, %s", l.Sequence, l.Reason)
	}
	p.w.watch.letters(letters)
	p.w.publishLetters(letters)
	return nil
}

// PublishReceipt implements pipeline.Letters.
func (p *process) PublishReceipt(ctx context.Context, _ string, _ []byte) error {
	return p.step(ctx, "receipt")
}

// InspectConsumer implements pipeline.Stream: a durable that was just reset.
func (p *process) InspectConsumer(ctx context.Context, _, _ string) (broker.ConsumerState, bool, error) {
	p.mu.Lock()
	at := p.at
	p.mu.Unlock()
	held, _ := p.w.stream.from(at)
	return broker.ConsumerState{Pending: uint64(len(held)) + p.ghosts}, true, p.step(ctx, "inspect")
}

// ReadRange implements pipeline.Stream.
func (p *process) ReadRange(ctx context.Context, r broker.Range, visit func(broker.Message) error) error {
	p.nap(ctx, 20*time.Millisecond)
	if err := p.step(ctx, "read"); err != nil {
		return err
	}
	held, _ := p.w.stream.from(r.From)
	for _, m := range held {
		if r.To > 0 && m.Sequence > r.To {
			break
		}
		if err := visit(m); err != nil {
			return err
		}
	}
	return nil
}

// FindPerson implements pipeline.Purger.
func (p *process) FindPerson(ctx context.Context, who broker.Person, from uint64, _ func(*broker.Message) bool) (broker.Traces, error) {
	p.nap(ctx, 20*time.Millisecond)
	if err := p.step(ctx, "shred"); err != nil {
		return broker.Traces{}, err
	}
	return p.w.stream.find(who.ProfileKey, from, who.Below), nil
}

// OverwritePerson implements pipeline.Purger.
func (p *process) OverwritePerson(ctx context.Context, _ broker.Person, t broker.Traces) error {
	p.nap(ctx, 20*time.Millisecond)
	if err := p.step(ctx, "shred"); err != nil {
		return err
	}
	p.w.stream.purge(t.Events)
	return nil
}
