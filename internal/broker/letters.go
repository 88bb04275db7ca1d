package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/synadia-io/orbit.go/jetstreamext"
	"go.uber.org/zap"
)

const (
	letterBatch      = 500     // letters of one atomic batch; the broker takes 1,000
	letterBatchBytes = 4 << 20 // of one batch, about
	headerRoom       = 16 << 10
	maxDetail        = 2048 // bytes of a detail
)

// DeadLetter is an event, or a contact that SendGrid refused, to be set aside. The detail names fields and
// SendGrid's message, never a value.
type DeadLetter struct {
	Destination string
	ProfileKey  string // empty where no profile can be read
	Reason      string
	Detail      string
	Sequence    uint64 // of the event in its stream
	Subject     string // of the event
	Attempts    int
	Time        time.Time   // when it was set aside
	Header      nats.Header // of the event
	Body        []byte      // of the event
	BodyExpired bool        // the event that last set the contact's fields has aged out or was replaced
}

// PublishDeadLetters publishes the letters and returns when the broker has confirmed every one, or ctx
// ended. It tries again by itself; a try that was stored without our hearing of it is recognised by its
// message id. Letters may be published twice after a crash, never lost.
func (c *Conn) PublishDeadLetters(ctx context.Context, letters []DeadLetter) error {
	msgs := make([]*nats.Msg, len(letters))
	for i := range letters {
		msgs[i] = letters[i].message(int(c.NC.MaxPayload()))
	}
	for len(msgs) > 0 {
		n, bytes := 0, 0
		for n < len(msgs) && n < letterBatch && (n == 0 || bytes+len(msgs[n].Data) <= letterBatchBytes) {
			bytes += len(msgs[n].Data)
			n++
		}
		if err := c.publishLetters(ctx, msgs[:n]); err != nil {
			return fmt.Errorf("publish %d dead letters to %s: %w", len(msgs), DeadLetterStream, err)
		}
		msgs = msgs[n:]
	}
	return nil
}

// publishLetters publishes some letters: together first, because with fsync a batch costs what one does,
// and one by one where the stream takes no batches or knows one of them already.
func (c *Conn) publishLetters(ctx context.Context, msgs []*nats.Msg) error {
	single := len(msgs) == 1
	// A try writes into its messages: reply subjects, a batch's headers. Each one gets fresh ones.
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := c.tryLetters(ctx, copies(msgs), single)
		if err == nil || permanent(err) {
			return err
		}
		c.log.Warn("dead letters were not confirmed; they are published again", zap.Error(err), zap.Int("letters", len(msgs)))
		single = true // also after an ambiguous answer: single ones are recognised as duplicates
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", context.Cause(ctx), err)
		case <-time.After(wait):
		}
	}
}

func (c *Conn) tryLetters(ctx context.Context, msgs []*nats.Msg, single bool) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if !single {
		_, err := jetstreamext.PublishMsgBatch(ctx, c.JS, msgs)
		return err
	}
	futures := make([]jetstream.PubAckFuture, 0, len(msgs))
	for _, m := range msgs {
		future, err := c.JS.PublishMsgAsync(m, jetstream.WithStallWait(connectTimeout))
		if err != nil {
			return err
		}
		futures = append(futures, future)
	}
	for _, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func copies(msgs []*nats.Msg) []*nats.Msg {
	out := make([]*nats.Msg, len(msgs))
	for i, m := range msgs {
		out[i] = &nats.Msg{Subject: m.Subject, Data: m.Data, Header: maps.Clone(m.Header)}
	}
	return out
}

// permanent reports whether the same publish would fail for ever.
func permanent(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrConnectionClosed) ||
		errors.Is(err, nats.ErrBadSubject) || errors.Is(err, nats.ErrPermissionViolation)
}

// message makes the letter's message, of at most limit bytes: where the event's headers don't fit they
// are left out, then its body. The event can still be found by its sequence.
func (l *DeadLetter) message(limit int) *nats.Msg {
	key := l.ProfileKey
	if key == "" {
		key = "~"
	}
	m := nats.NewMsg("rollcall.dead." + l.Destination + "." + key)
	if !l.BodyExpired {
		m.Data = l.Body
	}
	if headerSize(l.Header)+len(m.Data)+headerRoom <= limit {
		copyHeader(m.Header, l.Header)
	}
	m.Header.Set("Rollcall-Reason", l.Reason)
	m.Header.Set("Rollcall-Detail", oneLine(l.Detail))
	m.Header.Set("Rollcall-Stream-Sequence", strconv.FormatUint(l.Sequence, 10))
	m.Header.Set("Rollcall-Subject", oneLine(l.Subject))
	m.Header.Set("Rollcall-Attempts", strconv.Itoa(l.Attempts))
	m.Header.Set("Rollcall-Time", l.Time.UTC().Format(time.RFC3339Nano))
	m.Header.Set("Rollcall-Destination", l.Destination)
	m.Header.Set("Nats-Msg-Id", fmt.Sprintf("%s#%d#%s#%s", l.Destination, l.Sequence, l.Reason, nuid.Next()))
	switch {
	case l.BodyExpired:
		m.Header.Set("Rollcall-Body", "expired")
	case len(m.Data)+headerRoom > limit:
		m.Data = nil
		m.Header.Set("Rollcall-Body", "omitted") // bigger than a message with our headers can be
	}
	return m
}

// copyHeader copies the event's own headers: neither the broker's instructions, which would act on the
// letter, nor any that look like ours.
func copyHeader(dst, src nats.Header) {
	for key, values := range src {
		if lower := strings.ToLower(key); !strings.HasPrefix(lower, "nats-") && !strings.HasPrefix(lower, "rollcall-") {
			dst[key] = values
		}
	}
}

func headerSize(h nats.Header) int {
	n := 0
	for key, values := range h {
		for _, v := range values {
			n += len(key) + len(v) + 4
		}
	}
	return n
}

// oneLine makes text fit to be a header's value.
func oneLine(text string) string {
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "")
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
