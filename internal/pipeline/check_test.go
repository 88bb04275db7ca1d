package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/mapping"
)

// sight is what the look before the first request finds, and how often it was taken.
type sight struct {
	reason string
	err    error
	took   atomic.Int64
}

func (s *sight) look(ctx context.Context) (string, error) {
	s.took.Add(1)
	select {
	case <-time.After(2 * time.Second): // longer than any window is quiet
	case <-ctx.Done():
	}
	return s.reason, s.err
}

// Before the first request that changes something the destination is looked at: what is wrong suspends it with its
// reason though nothing was sent, and once it is put right everything goes.
func TestADestinationIsLookedAtBeforeItsFirstRequest(t *testing.T) {
	for _, reason := range []string{"key", "forbidden", "list"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.publish("a", "p1", "entered", `{"email":"ada1@example.com"}`)
			now := &atomic.Pointer[sight]{}
			now.Store(&sight{reason: reason, err: errors.New("as SendGrid says")})
			w.fail = func(op string) error {
				if op == "list" && now.Load().reason != "" {
					return errors.New("still so")
				}
				return nil
			}
			o := w.options()
			o.Policy.Window.Quiet = 0
			o.Check = func(ctx context.Context) (string, error) { return now.Load().look(ctx) }
			d, stop := w.run(o)
			time.Sleep(5 * time.Minute)
			if st := d.Stats(); st.Suspended != reason || st.Cursor != 1 || w.seen().requests["upsert"] != 0 {
				t.Errorf("suspended %q, cursor %d, %d upserts", st.Suspended, st.Cursor, w.seen().requests["upsert"])
			}
			good := &sight{}
			now.Store(good)
			time.Sleep(2 * time.Minute)
			if st := d.Stats(); st.Suspended != "" || st.Listed != 1 || good.took.Load() != 1 {
				t.Errorf("put right: suspended %q, %d listed, looked at %d times", st.Suspended, st.Listed, good.took.Load())
			}
			mustStop(t, stop)
		})
	}
}

// An outage at the start is no suspension: it is asked again, ever more rarely, and nothing is sent before an answer.
func TestAnOutageAtTheStartIsWaitedForAndSuspendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish("a", "p1", "entered", `{"email":"ada1@example.com"}`)
		away := &sight{err: errors.New("SendGrid cannot be reached")}
		now := &atomic.Pointer[sight]{}
		now.Store(away)
		o := w.options()
		o.Check = func(ctx context.Context) (string, error) { return now.Load().look(ctx) }
		d, stop := w.run(o)
		time.Sleep(time.Hour)
		if st := d.Stats(); st.Suspended != "" || st.Cursor != 1 || w.seen().requests["upsert"] != 0 {
			t.Errorf("suspended %q, cursor %d, %d upserts", st.Suspended, st.Cursor, w.seen().requests["upsert"])
		}
		if n := away.took.Load(); n < 30 || n > 200 {
			t.Errorf("asked %d times in an hour", n)
		}
		now.Store(&sight{})
		time.Sleep(3 * time.Minute)
		if st := d.Stats(); st.Listed != 1 {
			t.Errorf("after the outage %d are listed", st.Listed)
		}
		mustStop(t, stop)
	})
}

// Custom fields that could not be asked for at a first claim are no missing fields: they are asked for again, and the next
// claim has them.
func TestFieldsThatCouldNotBeAskedForAreNotCalledMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish("a", "p1", "entered", `{"email":"ada1@example.com","tier":"gold"}`)
		var back atomic.Bool
		o := w.options()
		o.Mapping = withTier("")
		o.Resolve = func(context.Context) (mapping.Spec, error) {
			if !back.Load() {
				return withTier(""), errors.New("no answer")
			}
			return withTier("e1_T"), nil
		}
		o.Check = func(context.Context) (string, error) {
			if !back.Load() {
				return "", errors.New("no answer")
			}
			return "", nil
		}
		d := New(o)
		done := make(chan error, 1)
		go func() { done <- d.Run(t.Context()) }()
		time.Sleep(10 * time.Minute)
		if st := d.Stats(); st.Suspended != "" || st.Cursor != 1 || w.seen().requests["upsert"] != 0 {
			t.Errorf("suspended %q, cursor %d, %d upserts", st.Suspended, st.Cursor, w.seen().requests["upsert"])
		}
		back.Store(true)
		if err := <-done; !errors.Is(err, ErrRemapped) {
			t.Errorf("the run ended with %v, want %v", err, ErrRemapped)
		}
	})
}
