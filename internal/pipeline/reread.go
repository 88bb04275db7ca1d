package pipeline

import (
	"context"
	"strings"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/segment"
)

// reread reads events again by sequence and folds them at their own sequence: that brings the fields of
// contacts back in hand. An event that a newer one has replaced is passed over; the newer one is on its
// way.
func (l *loop) reread(asked []contact.Handle, sequences []uint64) {
	in, err := l.reader(l.opts.Binding.Segments)
	if err != nil {
		l.log.Error("events cannot be read again", zap.Error(err))
		return
	}
	l.task(func(ctx context.Context) func() {
		rows, err := in.again(ctx, sequences)
		return func() {
			if err != nil {
				l.log.Warn("events cannot be read again; it is tried again", zap.Error(err))
			}
			for _, h := range asked {
				delete(l.reading, h)
			}
			for _, part := range rows {
				l.outbox = append(l.outbox, &ledger.Reread{At: time.Now().UnixNano(), Rows: part})
			}
		}
	})
}

// again reads and maps the events of these sequences that are still there.
func (in *intake) again(ctx context.Context, sequences []uint64) ([][]byte, error) {
	messages, err := in.opts.Stream.ReadSequences(ctx, in.opts.Binding.Stream, sequences)
	if err != nil {
		return nil, err
	}
	var parts [][]byte
	g := &gathered{}
	for i := range messages {
		if len(g.rows) > commitBytes/2 {
			parts = append(parts, g.rows)
			g = &gathered{}
		}
		if err := in.take(ctx, g, &messages[i]); err != nil {
			return nil, err
		}
	}
	return append(parts, g.rows), nil
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

// scrub cuts an address out of SendGrid's message.
func scrub(message, email string) string {
	if email == "" {
		return message
	}
	lower := strings.ToLower(message)
	for {
		at := strings.Index(lower, email)
		if at < 0 || len(lower) != len(message) {
			return message
		}
		message = message[:at] + "…" + message[at+len(email):]
		lower = strings.ToLower(message)
	}
}
