package desk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/control"
)

// A status is answered within a second, however long the dead letters take to count: who asks would take the destination for
// one that is active nowhere.
func TestDeadLettersThatTakeLongToCountDoNotKeepAStatusWaiting(t *testing.T) {
	slow := func(ctx context.Context) (map[string]uint64, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	failing := func(context.Context) (map[string]uint64, error) { return nil, errors.New("no answer") }
	quick := func(context.Context) (map[string]uint64, error) { return map[string]uint64{"unreadable": 3}, nil }
	kept := map[string]uint64{"unreadable": 2}
	active := func() control.StatusAnswer { return control.StatusAnswer{} }
	for name, c := range map[string]struct {
		status    func() control.StatusAnswer
		read      func(context.Context) (map[string]uint64, error)
		want      map[string]uint64
		uncounted bool
		within    time.Duration
	}{
		"active, counted":         {active, quick, map[string]uint64{"unreadable": 3}, false, 0},
		"active, slow":            {active, slow, kept, false, time.Second},
		"active, refused":         {active, failing, kept, false, 0},
		"active nowhere, counted": {nil, quick, map[string]uint64{"unreadable": 3}, false, 0},
		"active nowhere, slow":    {nil, slow, nil, true, 5 * time.Second},
		"active nowhere, refused": {nil, failing, nil, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := New(Options{Status: c.status})
				answer := control.StatusAnswer{DeadLetters: kept}
				began := time.Now()
				d.countLetters(t.Context(), &answer, c.read)
				if took := time.Since(began); took > c.within {
					t.Errorf("it took %v", took)
				}
				if diff := cmp.Diff(c.want, answer.DeadLetters); diff != "" || answer.LettersUncounted != c.uncounted {
					t.Errorf("uncounted: %v, letters (-want +got):\n%s", answer.LettersUncounted, diff)
				}
			})
		})
	}
}
