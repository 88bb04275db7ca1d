package ask

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A group that elects its leader after some seconds is heard of within a try's time, however long the caller would wait.
func TestAnAnswerIsHeardSoonAfterALeaderIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		elected := began.Add(4300 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		got, err := Until(ctx, func(ctx context.Context) (int, error) {
			if time.Now().Before(elected) {
				<-ctx.Done() // dropped
				return 0, ctx.Err()
			}
			return 7, nil
		})
		if took := time.Since(elected); got != 7 || err != nil || took > try+rest {
			t.Errorf("%d, %v, %s after the election", got, err, took)
		}
	})
}

func TestAnAnswerIsNotAskedForAgain(t *testing.T) {
	for _, c := range []struct {
		err   error
		again bool
	}{
		{nil, false},
		{jetstream.ErrStreamNotFound, false},
		{jetstream.ErrJetStreamNotEnabled, false},
		{nats.ErrConnectionClosed, false},
		{errors.New("a body that cannot be read"), false},
		{fmt.Errorf("look: %w", nats.ErrNoResponders), true},
		{context.DeadlineExceeded, true},
		{&jetstream.APIError{Code: 503, ErrorCode: 10008}, true},
		{&nats.APIError{Code: 503, ErrorCode: 10008}, true},
		{&nats.APIError{Code: 404, ErrorCode: 10059}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			tries := 0
			err := Done(ctx, func(context.Context) error { tries++; return c.err })
			if (tries > 1) != c.again || !errors.Is(err, c.err) {
				t.Errorf("%v: %d tries, %v", c.err, tries, err)
			}
		})
	}
}

func TestNothingIsAskedOfAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := Done(ctx, func(context.Context) error { tries++; cancel(); return nats.ErrTimeout })
	if tries != 1 || !errors.Is(err, context.Canceled) || !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("%d tries, %v", tries, err)
	}
}
