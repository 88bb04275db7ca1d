package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/ledger/record"
	"rollcall/internal/translate"
)

// A commit covers at most so many events and bytes: an entry must fit one message of the broker.
const (
	commitEvents = 8192
	commitBytes  = 760 << 10
)

// intake pulls events, decodes and maps them, and hands the loop rows that are ready to be committed.
// It runs in a goroutine of its own beside the loop and shares nothing with it but the channels.
type intake struct {
	opts       *Options
	translator *translate.Translator
	out        chan *gathered
	spare      chan *gathered
	log        *zap.Logger
	now        func() time.Time
	cursor     uint64 // of the last event handed on
	unkeyed    bool   // the stream lets go of events by their age
	lost       uint64 // the last event that is known to be lost
	newest     int64  // highest broker time handed on, unix nanoseconds
}

// gathered is the events of one commit.
type gathered struct {
	rows    []byte
	last    record.Row // ahead of the next one to be encoded
	cursor  uint64
	events  uint64
	time    int64 // highest broker time, unix nanoseconds
	pending uint64
	letters []letter
	omitted uint64
	passed  uint64    // messages of the broker's own, which are no events
	dead    [4]uint64 // events that changed nothing, by kind
}

// letter is a dead letter to be. One for the fields of an exit is dropped where the exit leaves the
// profile in no segment.
type letter struct {
	broker.DeadLetter
	exit    bool
	profile []byte
	segment uint16
}

func (g *gathered) reset() {
	*g = gathered{rows: g.rows[:0]}
}

// run ends when the context does, or with the source's error.
func (in *intake) run(ctx context.Context) error {
	for {
		messages, err := in.opts.Source.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if err := in.recover(ctx, err); err != nil {
				return err
			}
			continue
		}
		in.opts.at(AtDrawn)
		for len(messages) > 0 {
			g, err := in.next(ctx)
			if err != nil {
				return nil
			}
			n := 0
			for n < len(messages) && n < commitEvents && len(g.rows) < commitBytes {
				if err := in.unbroken(ctx, max(in.cursor, g.cursor), messages[n].Sequence); err != nil {
					return err
				}
				if err := in.take(ctx, g, &messages[n]); err != nil {
					return err
				}
				n++
			}
			messages = messages[n:]
			in.cursor, in.newest = g.cursor, max(in.newest, g.time)
			g.pending += uint64(len(messages))
			in.opts.at(AtDecoded)
			select {
			case in.out <- g:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// recover gets the source going after a failure. After a reconnection, or where the consumer is not as it was, the
// stream may be another one by the same name: it is looked at before anything is read. A stream that is gone, or
// that does not fit any more, ends the run.
func (in *intake) recover(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, broker.ErrStreamMissing):
		return err
	case errors.Is(err, broker.ErrReconnected):
	case errors.Is(err, broker.ErrConsumerMoved):
		in.log.Warn("the durable consumer was moved or deleted by somebody else; it is put back to the cursor", zap.Uint64("cursor", in.cursor))
	default:
		in.log.Warn("reading the event stream failed; it is tried again", zap.Error(err))
		pause(ctx)
		return nil
	}
	if err := in.rejoin(ctx); err != nil {
		if ends(err) {
			return err
		}
		in.log.Warn("the event stream cannot be gone on with; it is tried again", zap.Error(err))
		pause(ctx)
	}
	return nil
}

// rejoin looks at the stream and puts the source behind what was handed on.
func (in *intake) rejoin(ctx context.Context) error {
	o := in.opts
	st, err := o.Stream.InspectStream(ctx, o.Binding.Stream)
	if err != nil {
		return err
	}
	if err := joins(ctx, o.Stream, &st, position{created: o.Binding.StreamCreated, cursor: in.cursor, newest: in.newest}); err != nil {
		return err
	}
	if dropped(&st, in.cursor, in.lost) {
		return ErrEventsLost
	}
	return o.Source.Reset(ctx, in.cursor+1)
}

func (in *intake) next(ctx context.Context) (*gathered, error) {
	select {
	case g := <-in.spare:
		g.reset()
		return g, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// take translates one event into a row, a dead letter, or both.
func (in *intake) take(ctx context.Context, g *gathered, m *broker.Message) error {
	g.cursor, g.pending = m.Sequence, m.Pending
	g.events++
	g.time = max(g.time, m.Time.UnixNano())
	t := in.translator.Event(messageOf(m))
	g.omitted += uint64(t.Omitted)
	if t.Passed {
		g.passed++
	}
	if t.Dead {
		g.dead[t.Kind]++
	}
	if t.Letter != nil {
		in.letter(g, m, t.Letter)
	}
	if !t.Folds {
		return nil
	}
	if t.Row.Kind == record.RowRefreshed && m.Pending > 0 {
		st, err := in.opts.Stream.InspectStream(ctx, in.opts.Binding.Stream)
		if err != nil {
			return err
		}
		t.Row.Until = st.LastSeq
	}
	g.rows = record.AppendRow(g.rows, &g.last, &t.Row)
	g.last.Sequence, g.last.Time = t.Row.Sequence, t.Row.Time
	return nil
}

// messageOf is what package translate reads of a message.
func messageOf(m *broker.Message) *translate.Message {
	return &translate.Message{Subject: m.Subject, Header: m.Header, Body: m.Body, Sequence: m.Sequence, Time: m.Time}
}

func (in *intake) letter(g *gathered, m *broker.Message, why *translate.DeadLetter) {
	g.letters = append(g.letters, letter{
		DeadLetter: broker.DeadLetter{
			Destination: in.opts.Destination, ProfileKey: why.ProfileKey, Reason: string(why.Reason), Detail: why.Detail,
			Sequence: m.Sequence, Subject: m.Subject, Attempts: 1, Time: in.now(),
			Header: m.Header, Body: slices.Clone(m.Body),
		},
		exit: why.FieldsOfExit, profile: why.Profile, segment: why.Segment,
	})
}

// pause waits a second before something is tried again, and reports false where the context ended first.
func pause(ctx context.Context) bool {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
