package sendgrid_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// Budgets start from the observed numbers, one a method and route.
func TestRule23_BudgetsStartFromWhatWasObserved(t *testing.T) {
	a := client(t, sendgrid.Options{})
	for route, want := range map[sendgrid.Route]int{
		sendgrid.RouteUpsert: 200, sendgrid.RouteDelete: 200, sendgrid.RouteEmails: 200, sendgrid.RouteRemove: 600, sendgrid.RouteLists: 600,
	} {
		if b := a.Budget(route); b.Limit != want || b.Remaining != want {
			t.Errorf("%s begins with %+v, want %d", route, b, want)
		}
	}
}

// No request goes beyond a window's limit: it waits for the next, and SendGrid never has to refuse one.
func TestRule23_NothingIsSentBeyondTheLimit(t *testing.T) {
	for _, quirks := range []simulator.Quirks{{}, {EpochReset: true}} {
		onStage(t, simulator.Options{Limit: 30, Quirks: quirks}, func(s *stage) {
			time.Sleep(17 * time.Second) // in the middle of a window
			begun := time.Now()
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					if _, err := s.Upsert(s.Context(), fmt.Appendf(nil, `{"contacts":[{"email":"%d@example.com"}]}`, i)); err != nil {
						s.Error(err)
					}
				})
			}
			all.Wait()
			sum := s.sim.Summary()
			if sum.Answers["PUT contacts 2xx"] != 100 || sum.Answers["PUT contacts 4xx"] != 0 {
				s.Errorf("answers %v", sum.Answers)
			}
			if took := time.Since(begun); took > 4*time.Minute {
				s.Errorf("100 requests at 30 a minute took %s", took)
			}
		})
	}
}

// Other traffic on the account counts too: the lower number is believed.
func TestRule23_TheHeadersCorrectTheCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &canned{status: 200, body: `{"scopes":[]}`, header: map[string]string{"x-ratelimit-limit": "50", "x-ratelimit-remaining": "9", "x-ratelimit-reset": "30"}}
		a := client(t, sendgrid.Options{Transport: c})
		ask := func(remaining string, want int) {
			t.Helper()
			c.header["x-ratelimit-remaining"] = remaining
			if _, err := a.Scopes(t.Context()); err != nil {
				t.Fatal(err)
			}
			if b := a.Budget(sendgrid.RouteScopes); b.Remaining != want || b.Limit != 50 {
				t.Errorf("after %s remaining the budget is %+v, want %d", remaining, b, want)
			}
		}
		ask("9", 9)
		ask("4", 4) // others asked too
		ask("8", 3) // it jumps up within a window: not believed
		time.Sleep(31 * time.Second)
		if b := a.Budget(sendgrid.RouteScopes); b.Remaining != 50 {
			t.Errorf("a new window begins with %+v", b)
		}
		ask("40", 40)
	})
}

// Story 17: the reset is seconds below 10^9, else a time; what makes no sense is clamped or ignored.
func TestRule24_BothMeaningsOfResetAreRead(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"17": 17 * time.Second, "0": time.Second, "600": 2 * time.Minute, "EPOCH+40": 40 * time.Second, "EPOCH-40": time.Second,
		"EPOCH+4000": 2 * time.Minute, "-5": 0, "soon": 0, "": 0, "1e30": 2 * time.Minute, "NaN": 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			today()
			if off, ok := strings.CutPrefix(value, "EPOCH"); ok {
				n, _ := strconv.Atoi(off)
				value = fmt.Sprint(time.Now().Unix() + int64(n))
			}
			e := answered(t, &canned{status: 429, header: map[string]string{"x-ratelimit-reset": value}})
			if e.Class != sendgrid.RateLimited || e.RetryAfter != want || !e.NoEffect() {
				t.Errorf("reset %q: class %d, retry after %s, want %s", value, e.Class, e.RetryAfter, want)
			}
		})
	}
}

// After a 429, with headers or empty, the route rests; the others do not.
func TestRule24_A429LetsItsRouteRest(t *testing.T) {
	for _, c := range []struct {
		header map[string]string
		scale  float64
		rest   time.Duration
	}{
		{map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "20"}, 1, 20 * time.Second},
		{map[string]string{"x-ratelimit-reset": "20"}, 30, 20 * time.Second}, // headers are never scaled
		{nil, 1, 15 * time.Second},
		{nil, 30, 500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			transport := &canned{status: 429, header: c.header}
			a := client(t, sendgrid.Options{Transport: transport, ClockScale: c.scale})
			if _, err := a.Upsert(t.Context(), nil); failure(t, err).Class != sendgrid.RateLimited {
				t.Error(err)
			}
			begun := time.Now()
			_, _ = a.Counts(t.Context())
			if time.Since(begun) != 0 {
				t.Error("another route rests too")
			}
			_, _ = a.Upsert(t.Context(), nil)
			if rest := time.Since(begun); rest < c.rest || rest > c.rest+200*time.Millisecond {
				t.Errorf("the next upsert came after %s, want %s", rest, c.rest)
			}
		})
	}
}

// A deadline that passes in the line is a request that was never made; it takes nothing away.
func TestRule23_WhoGivesUpTakesNothing(t *testing.T) {
	onStage(t, simulator.Options{Limit: 1}, func(s *stage) {
		s.upsert("a@example.com")
		ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
		defer cancel()
		_, err := s.Upsert(ctx, []byte(`{}`))
		if e := failure(s, err); e.Class != sendgrid.OverBudget || !e.NoEffect() || !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("class %d, %v", e.Class, err)
		}
		s.upsert("b@example.com")
		if sum := s.sim.Summary(); sum.Answers["PUT contacts 2xx"] != 2 || sum.Answers["PUT contacts 4xx"] != 0 {
			s.Errorf("answers %v", sum.Answers)
		}
	})
}

// I9: destinations of one account take turns, however many requests one of them has.
func TestOwnersTakeTurnsWhereRequestsAreScarce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		c := http.RoundTripper(roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			order = append(order, r.Context().Value(tag{}).(string))
			mu.Unlock()
			return (&canned{status: 202, body: `{"job_id":"j"}`, header: map[string]string{
				"x-ratelimit-limit": "4", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "60",
			}}).RoundTrip(r)
		}))
		a := client(t, sendgrid.Options{Transport: c})
		call := func(owner string) {
			ctx := sendgrid.WithOwner(context.WithValue(t.Context(), tag{}, owner), owner)
			if _, err := a.Upsert(ctx, nil); err != nil {
				t.Error(err)
			}
		}
		call("first") // nothing is left now
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() { call("big") })
		}
		synctest.Wait()
		for range 3 {
			all.Go(func() { call("small") })
		}
		all.Wait()
		last := 0
		for i, owner := range order {
			if owner == "small" {
				last = i
			}
		}
		if len(order) != 16 || last > 8 {
			t.Errorf("the small one waits for the big one: %v", order)
		}
	})
}

type tag struct{}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A share is had in full though others have used much of the window, and no more of it than is left.
func TestAShareIsNotUsedUpByOthers(t *testing.T) {
	for live, want := range map[int]int64{70: 20, 90: 10, 100: 0} {
		onStage(t, simulator.Options{Limit: 100}, func(s *stage) {
			for range live {
				s.upsert("live@example.com")
			}
			ctx, cancel := context.WithCancel(sendgrid.WithShare(s.Context(), 0.2))
			var replayed atomic.Int64
			var all sync.WaitGroup
			all.Go(func() {
				for {
					if _, err := s.Upsert(ctx, []byte(`{"contacts":[{"email":"r@example.com"}]}`)); err != nil {
						return
					}
					replayed.Add(1)
				}
			})
			synctest.Wait()
			if n := replayed.Load(); n != want {
				s.Errorf("after %d requests of others a share of 0.2 made %d of 100, want %d", live, n, want)
			}
			if n := s.Budget(sendgrid.RouteUpsert).Left(0.2); n != 0 {
				s.Errorf("%d are said to be left", n)
			}
			cancel()
			all.Wait()
		})
	}
}

// A replay uses its share of a window alone, and never keeps live requests waiting.
func TestAShareLeavesTheRestToOthers(t *testing.T) {
	onStage(t, simulator.Options{Limit: 100}, func(s *stage) {
		s.upsert("first@example.com") // the headers are known now
		ctx, cancel := context.WithCancel(sendgrid.WithShare(s.Context(), 0.2))
		var replayed atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					if _, err := s.Upsert(ctx, []byte(`{"contacts":[{"email":"r@example.com"}]}`)); err != nil {
						return
					}
					replayed.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := replayed.Load(); n > 20 || n < 10 { // answers out of order make the client careful
			s.Errorf("a share of 0.2 made %d of 100 requests", replayed.Load())
		}
		begun := time.Now()
		for range 70 {
			s.upsert("live@example.com")
		}
		if took := time.Since(begun); took != 0 {
			s.Errorf("live requests waited %s for a replay", took)
		}
		cancel()
		all.Wait()
		if refused := s.sim.Summary().Answers["PUT contacts 4xx"]; refused != 0 {
			s.Errorf("%d requests were refused", refused)
		}
	})
}
