// Package ask asks the broker until it answers.
//
// A request that reaches a group without a leader is dropped, and the leader that is elected a moment later never hears of
// it: whoever waits long for one answer waits long for nothing. So a request is made in short tries, one after the other.
//
// It guarantees that a try is repeated only where no answer came, or one that says that the broker is not ready, and never
// after the context has ended. It is for requests that may be made twice.
package ask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	try  = time.Second            // how long one try waits for its answer
	rest = 100 * time.Millisecond // after one that was refused at once
)

// Until makes a request until it is answered, at most until the context's deadline.
func Until[T any](ctx context.Context, request func(context.Context) (T, error)) (T, error) {
	for {
		one, cancel := context.WithTimeout(ctx, try)
		answer, err := request(one)
		cancel()
		if err == nil || Answered(err) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-time.After(rest):
		}
	}
}

// Done is Until for a request that is answered by nothing but its success.
func Done(ctx context.Context, request func(context.Context) error) error {
	_, err := Until(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, request(ctx) })
	return err
}

// Answered reports whether an error is the broker's word, which another try would only repeat.
func Answered(err error) bool {
	if api, ok := errors.AsType[jetstream.JetStreamError](err); ok && api.APIError() != nil {
		return final(api.APIError().Code, api.APIError().ErrorCode)
	}
	if api, ok := errors.AsType[*nats.APIError](err); ok { // object stores speak through the client's older half
		return final(api.Code, jetstream.ErrorCode(api.ErrorCode))
	}
	for _, silence := range []error{
		context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse, nats.ErrDisconnected, nats.ErrReconnectBufExceeded,
	} {
		if errors.Is(err, silence) {
			return false
		}
	}
	return true
}

func final(status int, code jetstream.ErrorCode) bool {
	return status < 500 || code == jetstream.JSErrCodeJetStreamNotEnabled || code == jetstream.JSErrCodeJetStreamNotEnabledForAccount
}

// Pause waits, and reports false if the context ended first.
func Pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
