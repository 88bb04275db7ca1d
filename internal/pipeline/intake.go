package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/segment"
)

// A commit covers at most so many events and bytes: an entry must fit one message of the broker.
const (
	commitEvents = 8192
	commitBytes  = 760 << 10
)

// intake pulls events, decodes and maps them, and hands the loop rows that are ready to be committed.
// It runs in a goroutine of its own beside the loop and shares nothing with it but the channels.
type intake struct {
	opts     *Options
	segments map[string]uint16
	mapper   *mapping.Mapper
	decoder  segment.Decoder
	out      chan *gathered
	spare    chan *gathered
	log      *zap.Logger
	now      func() time.Time
	fields   []byte
	cursor   uint64 // of the last event handed on
	unkeyed  bool   // the stream lets go of events by their age
	lost     uint64 // the last event that is known to be lost
	newest   int64  // highest broker time handed on, unix nanoseconds
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

// take decodes one event into a row, a dead letter, or both.
func (in *intake) take(ctx context.Context, g *gathered, m *broker.Message) error {
	g.cursor, g.pending = m.Sequence, m.Pending
	g.events++
	g.time = max(g.time, m.Time.UnixNano())
	if isMarker(m) {
		g.passed++
		return nil
	}
	ev, problem := in.decoder.Decode(m.Subject, m.Header, m.Body)
	row := record.Row{Sequence: m.Sequence, Time: m.Time.UnixMilli(), Profile: ev.Profile}
	if problem != nil {
		named, key := in.named(m, &ev)
		if _, ours := in.segments[named]; named != "" && !ours {
			return nil // another destination's
		}
		in.letter(g, m, key, problem.Reason, problem.Detail)
		if !problem.Fold {
			g.dead[ev.Kind]++
			in.seen(g, &row, named, key)
			return nil
		}
	}
	switch ev.Kind {
	case segment.Membership:
		number, ours := in.segments[string(ev.Segment)]
		if !ours {
			return nil
		}
		row.Segment, row.Entered = number, ev.Change == segment.Entered
		in.membership(g, m, &ev, &row, problem != nil)
	case segment.Refreshed:
		number, ours := in.segments[string(ev.Segment)]
		if !ours {
			return nil
		}
		row.Kind, row.Segment, row.First, row.Count = record.RowRefreshed, number, ev.FirstSequence, ev.Count
		row.Until = m.Sequence
		if m.Pending > 0 {
			st, err := in.opts.Stream.InspectStream(ctx, in.opts.Binding.Stream)
			if err != nil {
				return err
			}
			row.Until = st.LastSeq
		}
	case segment.Erased:
		row.Kind = record.RowErased
		for _, e := range ev.Emails {
			if email, ok := contact.Normalize(nil, e); ok {
				row.Emails = append(row.Emails, email)
			}
		}
	default:
		return nil
	}
	in.add(g, &row)
	return nil
}

// membership maps the attributes. The membership counts whatever is wrong with its fields.
func (in *intake) membership(g *gathered, m *broker.Message, ev *segment.Event, row *record.Row, lettered bool) {
	row.Carries = row.Entered || len(ev.Attributes) > 0 && !emptyObject(ev.Attributes)
	if !row.Carries || lettered {
		return
	}
	in.fields = in.fields[:0]
	res := in.mapper.Map(in.fields, ev.Attributes)
	in.fields = res.Fields
	row.Email, row.Fields = res.Email, res.Fields
	g.omitted += uint64(res.Omitted)
	if res.Reason == "" {
		return
	}
	in.letter(g, m, string(segment.ProfileKey(nil, ev.Profile)), res.Reason, res.Detail)
	l := &g.letters[len(g.letters)-1]
	l.exit, l.segment = !row.Entered, row.Segment
	l.profile = slices.Clone(row.Profile)
	if res.Reason == segment.ReasonBadValue {
		row.Bad = true
	}
}

func emptyObject(raw []byte) bool {
	for _, c := range raw[1 : len(raw)-1] {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}

// named tells the segment and the profile key of an event that is set aside, from what of it could be read, or
// from its subject: rows of a keyed stream are keyed by it.
func (in *intake) named(m *broker.Message, ev *segment.Event) (name, key string) {
	subject := segment.ParseSubject(m.Subject)
	name, key = subject.Segment, subject.ProfileKey
	if len(ev.Segment) > 0 && !subject.Keyed {
		name = string(ev.Segment)
	}
	if len(ev.Profile) > 0 && key == "" {
		key = string(segment.ProfileKey(nil, ev.Profile))
	}
	return name, key
}

// seen counts a dead letter towards a refresh where its segment and profile can be read.
func (in *intake) seen(g *gathered, row *record.Row, name, key string) {
	number, ours := in.segments[name]
	if !ours || key == "" {
		return
	}
	row.Kind, row.Segment, row.Profile = record.RowSeen, number, []byte(key)
	in.add(g, row)
}

func (in *intake) add(g *gathered, row *record.Row) {
	g.rows = record.AppendRow(g.rows, &g.last, row)
	g.last.Sequence, g.last.Time = row.Sequence, row.Time
}

func (in *intake) letter(g *gathered, m *broker.Message, key string, reason segment.Reason, detail string) {
	g.letters = append(g.letters, letter{DeadLetter: broker.DeadLetter{
		Destination: in.opts.Destination, ProfileKey: key, Reason: string(reason), Detail: detail,
		Sequence: m.Sequence, Subject: m.Subject, Attempts: 1, Time: in.now(),
		Header: m.Header, Body: slices.Clone(m.Body),
	}})
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
