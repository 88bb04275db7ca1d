package pipeline

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
)

// faded is a contact whose event was not in the stream when it was read again.
type faded struct {
	sequence uint64    // of the event
	until    uint64    // a newer event that replaced it lies at or below; zero where none does
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
	keys := make(map[uint64]string, len(sequences))
	for i, h := range asked {
		keys[sequences[i]] = string(segment.ProfileKey(nil, l.state.Roster.SourceID(h)))
	}
	l.task(func(ctx context.Context) func() {
		a, err := in.again(ctx, sequences, keys)
		l.opts.at(AtReread)
		return func() {
			if err != nil {
				l.log.Warn("events cannot be read again; it is tried again", zap.Error(err))
			}
			for i, h := range asked {
				delete(l.reading, h)
				if until, missing := a.missing[sequences[i]]; missing {
					l.faded[h] = faded{sequences[i], until, l.now().Add(lookAgain)}
				}
			}
			for _, part := range a.rows {
				l.outbox = append(l.outbox, &record.Reread{At: l.now().UnixNano(), Rows: part})
			}
		}
	})
}

// replaced tells what to do about a contact whose event was not there: wait for the newer one to be folded, or
// read again because another event sets its fields now, or because the newer one may never come. Neither: it has faded.
// What the last event said of those behind it is no answer here: the newer one may have been published since (H24). Nor is the
// fold's passing the newer one: that may have been replaced in its turn, so that only a look which finds none ends the waiting.
func (l *loop) replaced(h contact.Handle, now time.Time) (wait, gone bool) {
	f, missing := l.faded[h]
	current, behind := l.state.Roster.Source(h) == f.sequence, l.state.Meta.Cursor < f.until
	if missing && current && behind && now.Before(f.again) {
		return true, false
	}
	delete(l.faded, h)
	return false, missing && current && !behind && (f.until == 0 || !l.stream.Keyed)
}

// rereadings is what came of reading events again.
type rereadings struct {
	rows    [][]byte
	missing map[uint64]uint64 // events that are not there, and the last one that may have replaced each: see faded.until
}

// again reads and maps the events of these sequences that are still there. keys are the subject keys of their profiles.
func (in *intake) again(ctx context.Context, sequences []uint64, keys map[uint64]string) (rereadings, error) {
	var out rereadings
	messages, err := in.opts.Stream.ReadSequences(ctx, in.opts.Binding.Stream, sequences)
	if err != nil {
		return out, err
	}
	if len(messages) < len(sequences) {
		missing := slices.Clone(sequences)
		have := make(map[uint64]bool, len(messages))
		for i := range messages {
			have[messages[i].Sequence] = true
		}
		missing = slices.DeleteFunc(missing, func(s uint64) bool { return have[s] })
		if out.missing, err = in.replacements(ctx, missing, keys); err != nil {
			return out, err
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
