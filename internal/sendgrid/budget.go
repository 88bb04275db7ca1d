package sendgrid

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// What was observed of SendGrid's windows; its headers correct it (rule 23).
const (
	window       = time.Minute
	seedContacts = 200
	seedOthers   = 600
	sameWindow   = 2 * time.Second // resets come in whole seconds: closer ones mean the same window
	blind        = 8               // requests on their way while no header has told the limit
)

func seed(r Route) int {
	if slices.Contains([]Route{RouteUpsert, RouteDelete, RouteEmails, RouteIdentifiers, RouteExport}, r) {
		return seedContacts
	}
	return seedOthers
}

// Budget is what a route has left until its window ends.
type Budget struct {
	Limit, Remaining int
	Shared           int // requests of this window that calls within a share have made
	Reset            time.Time
}

// Left is how many requests may start now within a share of the budget: a part of each window's limit, and one at
// least. A share that is no part of one is all of it.
func (b Budget) Left(share float64) int {
	if share <= 0 || share >= 1 {
		return b.Remaining
	}
	return max(0, min(b.Remaining, max(1, int(float64(b.Limit)*share))-b.Shared))
}

// budgets holds one budget a route.
type budgets struct {
	scale  float64 // of our own waits; headers are never scaled
	mu     sync.Mutex
	routes map[Route]*budget
}

// budget is one route's. Whoever finds nothing left waits in the line of its owner; lines are served in
// turn, so that one destination's many requests do not keep another's few away.
type budget struct {
	Budget
	told   bool // by a header, not by what was observed elsewhere
	rolled bool // the window's end is a guess: no header has told it since the last one ended
	flying int  // requests that took from it and have no answer yet
	lines  []*line
}

type line struct {
	owner   string
	waiters []*waiter
}

type waiter struct {
	share   float64
	granted chan struct{} // closed when it may make its request
}

// part counts a request that was made within a share.
func (w *waiter) part() int {
	if w.share < 1 {
		return 1
	}
	return 0
}

func newBudgets(scale float64) *budgets {
	return &budgets{scale: scale, routes: map[Route]*budget{}}
}

func (b *budgets) route(r Route) *budget {
	x := b.routes[r]
	if x == nil {
		x = &budget{Budget: Budget{Limit: seed(r), Remaining: seed(r)}}
		b.routes[r] = x
	}
	return x
}

// Budget returns what the route has left.
func (a *Account) Budget(r Route) Budget {
	a.budgets.mu.Lock()
	defer a.budgets.mu.Unlock()
	x := a.budgets.route(r)
	x.roll(time.Now())
	return x.Budget
}

func (x *budget) roll(now time.Time) {
	if !now.Before(x.Reset) {
		x.Remaining, x.Shared, x.Reset, x.rolled = x.Limit, 0, now.Add(window), true
	}
}

// wait takes one request of the route's budget, waiting for the next window where none is left. Every
// wait that succeeds is followed by one done.
func (b *budgets) wait(ctx context.Context, r Route) error {
	w := &waiter{share: shareOf(ctx), granted: make(chan struct{})}
	b.mu.Lock()
	x := b.route(r)
	x.join(ownerOf(ctx), w)
	b.mu.Unlock()
	for {
		b.mu.Lock()
		x.grant(time.Now())
		rest := time.Until(x.Reset)
		b.mu.Unlock()
		select {
		case <-w.granted: // before all else, so that a free request never waits
			return nil
		default:
		}
		t := time.NewTimer(max(rest, 0) + time.Duration(rand.Int64N(int64(100*time.Millisecond))) + time.Millisecond)
		select {
		case <-w.granted:
			t.Stop()
			return nil
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			b.giveUp(x, w)
			return ctx.Err()
		}
	}
}

func (x *budget) join(owner string, w *waiter) {
	for _, l := range x.lines {
		if l.owner == owner {
			l.waiters = append(l.waiters, w)
			return
		}
	}
	x.lines = append(x.lines, &line{owner, []*waiter{w}})
}

// grant lets waiters go while there is something left for them, one of each line in turn.
func (x *budget) grant(now time.Time) {
	x.roll(now)
	for skipped := 0; skipped < len(x.lines); {
		l := x.lines[0]
		x.lines = x.lines[1:]
		if x.Left(l.waiters[0].share) > 0 && (x.told || x.flying < blind) {
			x.Remaining--
			x.flying++
			x.Shared += l.waiters[0].part()
			close(l.waiters[0].granted)
			l.waiters = l.waiters[1:]
			skipped = 0
		} else {
			skipped++ // a line that has used up its share keeps nobody else waiting
		}
		if len(l.waiters) > 0 {
			x.lines = append(x.lines, l)
		}
	}
}

// giveUp takes a waiter out of its line, or gives back what it was granted meanwhile.
func (b *budgets) giveUp(x *budget, w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-w.granted:
		x.Remaining++
		x.flying--
		x.Shared = max(0, x.Shared-w.part())
		x.grant(time.Now())
		return
	default:
	}
	for i, l := range x.lines {
		for j, other := range l.waiters {
			if other != w {
				continue
			}
			l.waiters = append(l.waiters[:j:j], l.waiters[j+1:]...)
			if len(l.waiters) == 0 {
				x.lines = append(x.lines[:i:i], x.lines[i+1:]...)
			}
			return
		}
	}
}

// done notes that a request has its answer, or never will.
func (b *budgets) done(r Route) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.route(r)
	x.flying--
	x.grant(time.Now())
}

// learn follows the headers of an answer. remaining is not exact and other traffic counts, so that within
// a window the lower of ours and theirs is believed; what is on its way may not be in theirs yet.
func (b *budgets) learn(r Route, h http.Header, status int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.route(r)
	before := x.told // what was counted from a guess is not believed
	if limit, err := strconv.Atoi(h.Get("x-ratelimit-limit")); err == nil && limit > 0 {
		x.Limit, x.told = limit, true
	}
	remaining, err := strconv.Atoi(h.Get("x-ratelimit-remaining"))
	delta := resetDelta(h, now)
	if err == nil && remaining >= 0 && delta > 0 {
		reset := now.Add(delta)
		left := max(0, remaining-(x.flying-1))
		switch same := now.Before(x.Reset) && reset.Sub(x.Reset).Abs() <= sameWindow; {
		case before && same:
			left = min(left, x.Remaining)
		case before && !x.rolled:
			x.Shared = 0 // another window; one of which only the end is told better is the same
		}
		x.Remaining, x.Reset, x.rolled = left, reset, false
	}
	if status == http.StatusTooManyRequests {
		if delta == 0 {
			delta = time.Duration(float64(window/4) / b.scale) // no header says when
		}
		x.Remaining, x.Reset = 0, now.Add(delta)
	}
	x.grant(now)
}

// resetDelta reads x-ratelimit-reset in both its meanings: above 10^9 it is a time, else seconds left.
// The result is within 1 and 120 s; 0 where there is none (rule 24).
func resetDelta(h http.Header, now time.Time) time.Duration {
	v, err := strconv.ParseFloat(h.Get("x-ratelimit-reset"), 64)
	if err != nil || !(v >= 0) {
		return 0
	}
	if v > 1e9 {
		v = float64(time.Unix(int64(min(v, 1e11)), 0).Sub(now)) / float64(time.Second)
	}
	return time.Duration(min(max(v, 1), 120) * float64(time.Second))
}

type (
	shareKey struct{}
	ownerKey struct{}
)

// WithShare lets the calls of a context use a part of each budget alone, for replays and bulk loads.
func WithShare(ctx context.Context, share float64) context.Context {
	return context.WithValue(ctx, shareKey{}, share)
}

// WithOwner names for whom the calls of a context are made: where budgets are scarce, owners take turns.
func WithOwner(ctx context.Context, owner string) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

func shareOf(ctx context.Context) float64 {
	if s, ok := ctx.Value(shareKey{}).(float64); ok && s > 0 && s < 1 {
		return s
	}
	return 1
}

// ownerOf keeps the calls within a share in a line of their own, so that they hold up no others of their
// owner.
func ownerOf(ctx context.Context) string {
	name, _ := ctx.Value(ownerKey{}).(string)
	if shareOf(ctx) < 1 {
		return name + " (share)"
	}
	return name
}
