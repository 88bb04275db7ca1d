package pipeline

import (
	"context"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
)

// faded is a contact whose event was not in the stream when it was read again.
type faded struct {
	sequence uint64    // of the event
	until    uint64    // the stream's end then: a newer event that replaced it lies at or below; zero where none can
	again    time.Time // the end may have been dropped since: it is looked for anew
}

// lookAgain is how long a newer event that may have replaced one is waited for, before the stream is asked anew.
const lookAgain = 10 * time.Second

// reread reads events again by sequence and folds them at their own sequence: that brings the fields of
// contacts back in hand. One that a newer event has replaced is waited for; one that is gone without has faded.
func (l *loop) reread(asked []contact.Handle, sequences []uint64) {
	in, err := l.reader(l.opts.Binding.Segments)
	if err != nil {
		l.log.Error("events cannot be read again", zap.Error(err))
		return
	}
	l.task(func(ctx context.Context) func() {
		a, err := in.again(ctx, sequences)
		l.opts.at(AtReread)
		return func() {
			if err != nil {
				l.log.Warn("events cannot be read again; it is tried again", zap.Error(err))
			}
			for i, h := range asked {
				delete(l.reading, h)
				if a.missing[sequences[i]] {
					l.faded[h] = faded{sequences[i], a.end, time.Now().Add(lookAgain)}
				}
			}
			for _, part := range a.rows {
				l.outbox = append(l.outbox, &record.Reread{At: time.Now().UnixNano(), Rows: part})
			}
		}
	})
}

// replaced tells what to do about a contact whose event was not there: wait for the newer one to be folded, or
// read again because another event sets its fields now, or because the newer one may never come. Neither: it has faded.
// What the last event said of those behind it is no answer here: the newer one may have been published since (H24).
func (l *loop) replaced(h contact.Handle, now time.Time) (wait, gone bool) {
	f, missing := l.faded[h]
	current, behind := l.state.Roster.Source(h) == f.sequence, l.state.Meta.Cursor < f.until
	if missing && current && behind && now.Before(f.again) {
		return true, false
	}
	delete(l.faded, h)
	return false, missing && current && !behind
}

// rereadings is what came of reading events again.
type rereadings struct {
	rows    [][]byte
	missing map[uint64]bool
	end     uint64 // the stream's, where something is missing and events lie behind the cursor
}

// again reads and maps the events of these sequences that are still there.
func (in *intake) again(ctx context.Context, sequences []uint64) (rereadings, error) {
	var out rereadings
	messages, err := in.opts.Stream.ReadSequences(ctx, in.opts.Binding.Stream, sequences)
	if err != nil {
		return out, err
	}
	if len(messages) < len(sequences) {
		if out.end, err = in.behind(ctx); err != nil {
			return out, err
		}
		out.missing = make(map[uint64]bool, len(sequences))
		for _, s := range sequences {
			out.missing[s] = true
		}
		for i := range messages {
			delete(out.missing, messages[i].Sequence)
		}
	}
	g := &gathered{}
	for i := range messages {
		if len(g.rows) > commitBytes/2 {
			out.rows = append(out.rows, g.rows)
			g = &gathered{}
		}
		if err := in.take(ctx, g, &messages[i]); err != nil {
			return out, err
		}
	}
	out.rows = append(out.rows, g.rows)
	return out, nil
}

// behind returns the stream's end where events lie behind the cursor, and zero where none do.
func (in *intake) behind(ctx context.Context) (end uint64, err error) {
	more, err := anyBehind(ctx, in.opts, in.cursor)
	if err != nil || !more {
		return 0, err
	}
	st, err := in.opts.Stream.InspectStream(ctx, in.opts.Binding.Stream)
	return st.LastSeq, err
}

// profileKey returns the subject key of the profile that an event names.
func profileKey(m *broker.Message) string {
	var d segment.Decoder
	ev, _ := d.Decode(m.Subject, m.Header, m.Body)
	if len(ev.Profile) == 0 {
		return "~"
	}
	return string(segment.ProfileKey(nil, ev.Profile))
}
