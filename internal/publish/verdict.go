package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// permanentError is one that no later try heals.
type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

// errNotSent says that a try wrote nothing.
var errNotSent = errors.New("not connected to the broker")

// at refuses an answer of another stream: the events are stored where nobody looks for them.
func (s *stream) at(name string) error {
	if name == s.name {
		return nil
	}
	return &permanentError{fmt.Errorf("stream %s took the events: `nats stream info %s` shows which subjects are whose", name, s.name)}
}

// explain asks the broker why nobody answered: no stream takes the subject, or there is an election.
func (s *stream) explain(ctx context.Context, subject string, err error) error {
	if !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, jetstream.ErrNoStreamResponse) {
		return s.verdict(err)
	}
	ask, cancel := context.WithTimeout(ctx, time.Second) // a broker that is stopping does not answer
	defer cancel()
	name, lookErr := s.conn.JS.StreamNameBySubject(ask, subject)
	if errors.Is(lookErr, jetstream.ErrStreamNotFound) || lookErr == nil && name != s.name {
		segmentOf, _, _ := strings.Cut(strings.TrimPrefix(subject, "segments."), ".")
		return &permanentError{fmt.Errorf("it does not take %s events of this segment any more, or is gone: %w (`nats stream info %s` shows its subjects)", segmentOf, err, s.name)}
	}
	return err
}

// verdict marks the errors that no later try heals.
func (s *stream) verdict(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrBadSubject):
		return &permanentError{err}
	case errors.Is(err, nats.ErrPermissionViolation), s.denied():
		return &permanentError{errors.New("permissions violation: this user may not publish there (allow segments.>)")}
	}
	switch code(err) {
	case codeStoreFailed:
		return s.full(err)
	case codeAtomicDisabled:
		return &permanentError{fmt.Errorf("its settings changed meanwhile: %w (start again)", err)}
	case codeMessageTooLarge, codeSealed, codeBatchTooLarge:
		return &permanentError{err}
	default:
		return err
	}
}

// full tells a stream that is at its limit, and takes nothing more, from a broker that could not store for another reason.
func (s *stream) full(err error) error {
	if !strings.Contains(err.Error(), "maximum ") {
		return err
	}
	return &permanentError{fmt.Errorf("it is full: %w (`nats stream edit %s --max-msgs=-1 --max-bytes=-1` lifts its limits)", err, s.name)}
}

// denied reports whether the broker refused a publish of ours: it tells the connection, and does not answer. Its words name the
// subject, so they are not shown (I12).
func (s *stream) denied() bool {
	last := s.conn.NC.LastError()
	return errors.Is(last, nats.ErrPermissionViolation) && strings.Contains(strings.ToLower(last.Error()), `publish to "segments.`)
}

// The broker's error codes that decide.
const (
	codeMessageTooLarge  jetstream.ErrorCode = 10054
	codeStoreFailed      jetstream.ErrorCode = 10077
	codeSealed           jetstream.ErrorCode = 10109
	codeAtomicDisabled   jetstream.ErrorCode = 10174
	codeBatchTooLarge    jetstream.ErrorCode = 10199
	codeDuplicateInBatch jetstream.ErrorCode = 10201
)

// code is the broker's error code, 0 where the error is none of its.
func code(err error) jetstream.ErrorCode {
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok {
		return refused.ErrorCode
	}
	return 0
}

// notStored reports whether a failed try certainly stored nothing.
func notStored(err error) bool {
	return code(err) != 0 || errors.Is(err, errNotSent) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
}
