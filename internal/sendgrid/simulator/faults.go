package simulator

import (
	"errors"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is one way of failing, for a while. Times are of the simulated clock, counted from when the
// plan was set.
type Fault struct {
	Kind  string  `json:"kind"`            // one of Kinds
	Route string  `json:"route,omitempty"` // as in the request log; empty is every one
	Share float64 `json:"share,omitempty"` // of the requests, jobs or e-mails that it strikes; 0 is all
	After float64 `json:"after,omitempty"` // seconds
	For   float64 `json:"for,omitempty"`   // seconds; 0 is for ever
	Count int     `json:"count,omitempty"` // of requests or jobs at most; 0 is any number

	Status int     `json:"status,omitempty"` // of kinds status and html; 500 and 502 where 0
	Delay  float64 `json:"delay,omitempty"`  // seconds, of kinds slow and hold (real), late and unknown (simulated)

	begun  time.Time
	until  time.Time
	used   int
	struck map[string]int // by kind, of all plans so far
	seed   uint64
}

// Kinds are all kinds of faults: of requests, of jobs, and of e-mails.
var Kinds = []string{
	"status", "html", "empty429", "reset", "slow", "lose",
	"never", "pending", "late", "early", "unknown",
	"refuse", "unnamed",
	"hold",
	"unsearchable", // e-mails that look-ups refuse, and upserts take
}

// Plan is what fails, and whether any key is taken.
type Plan struct {
	Faults  []Fault `json:"faults"`
	Revoked bool    `json:"revoked"` // no key is taken
	Blocked bool    `json:"blocked"` // the IP allow-list keeps everybody out
}

// SetPlan replaces the plan, in the account and in its subusers.
func (s *Simulator) SetPlan(p Plan) error {
	if err := s.SetFaults(p.Faults); err != nil {
		return err
	}
	s.Revoke(p.Revoked)
	s.Block(p.Blocked)
	for _, sub := range s.subs {
		if err := sub.SetPlan(p); err != nil {
			return err
		}
	}
	return nil
}

// SetFaults replaces the plan of faults of this account.
func (s *Simulator) SetFaults(plan []Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	now := s.now()
	var next []*Fault
	for _, f := range plan {
		if !slices.Contains(Kinds, f.Kind) {
			return errors.New("fault " + f.Kind + " is none of " + strings.Join(Kinds, ", "))
		}
		f.begun = now.Add(seconds(f.After))
		if f.For > 0 {
			f.until = f.begun.Add(seconds(f.For))
		}
		f.seed, f.struck = s.opts.Seed, s.struck
		next = append(next, &f)
	}
	s.faults = next
	close(s.replaced)
	s.replaced = make(chan struct{})
	return nil
}

// hold keeps a request that came from being served, whether its client waits or has gone: as a network or a gateway may. It ends
// after the fault's delay, or where that is 0 when the plan is replaced.
func (s *Simulator) hold(route string) {
	s.mu.Lock()
	var release <-chan struct{}
	var delay time.Duration
	for _, f := range s.faults {
		if f.Kind == "hold" && (f.Route == "" || f.Route == route) && f.active(s.now()) && (f.Share == 0 || s.luck.Float64() < f.Share) {
			f.strike()
			s.held++
			release, delay = s.replaced, seconds(f.Delay)
			break
		}
	}
	s.mu.Unlock()
	if release == nil {
		return
	}
	if delay > 0 {
		time.Sleep(delay)
	} else {
		<-release
	}
	s.mu.Lock()
	s.held--
	s.mu.Unlock()
}

// Revoke makes the simulator refuse every key, or take them again.
func (s *Simulator) Revoke(revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = revoked
}

// Block makes the IP allow-list keep everybody out, or lets them in again.
func (s *Simulator) Block(blocked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked = blocked
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

func (f *Fault) active(now time.Time) bool {
	return !now.Before(f.begun) && (f.until.IsZero() || now.Before(f.until)) && (f.Count == 0 || f.used < f.Count)
}

// strike counts a request or a job that the fault strikes.
func (f *Fault) strike() {
	f.used++
	f.struck[f.Kind]++
}

// fault returns what strikes a request.
func (s *Simulator) fault(route string) *Fault {
	now := s.now()
	for _, f := range s.faults {
		if !slices.Contains(Kinds[:6], f.Kind) || f.Route != "" && f.Route != route || !f.active(now) {
			continue
		}
		if f.Share > 0 && s.luck.Float64() >= f.Share {
			continue
		}
		f.strike()
		return f
	}
	return nil
}

// instead answers in place of the route; false for the kinds that let it serve, and then take or delay
// the answer.
func (f *Fault) instead(x *exchange) bool {
	code := func(otherwise int) int {
		if f.Status != 0 {
			return f.Status
		}
		return otherwise
	}
	switch f.Kind {
	case "reset":
		x.status = 0 // nothing was taken
	case "html":
		x.text(code(http.StatusBadGateway), "text/html", "<html><body>Bad Gateway</body></html>")
	case "empty429":
		for name := range x.header {
			if strings.HasPrefix(name, "X-Ratelimit") {
				delete(x.header, name)
			}
		}
		x.header.Set("X-Envoy-Ratelimited", "true")
		x.status = http.StatusTooManyRequests
	case "status":
		if code(0) == http.StatusTooManyRequests {
			x.header.Set("X-Ratelimit-Remaining", "0")
		}
		x.fail(code(http.StatusInternalServerError), nobodys(statusTexts[code(0)]))
	default:
		return false
	}
	return true
}

// statusTexts are SendGrid's words for some answers; the others are what 0 has.
var statusTexts = map[int]string{
	0: "internal error", 401: "The provided authorization grant is invalid, expired, or revoked", 403: "access forbidden",
	404: "resource not found", 408: "the request took too long", 429: "too many requests",
	500: "internal error", 502: "bad gateway", 503: "service unavailable", 504: "gateway timeout",
}

// shape lets a fault of jobs change an accepted one.
func (f *Fault) shape(j *job, roll float64) {
	if !slices.Contains(Kinds[6:11], f.Kind) || !f.active(j.accepted) || f.Share > 0 && roll >= f.Share {
		return
	}
	f.strike()
	switch f.Kind {
	case "never":
		j.never = true
	case "pending":
		j.forever = true
	case "early":
		j.early = true
	case "late":
		j.apply = j.apply.Add(seconds(f.Delay))
		j.final = j.final.Add(seconds(f.Delay))
	case "unknown":
		j.shown = j.accepted.Add(seconds(f.Delay))
	}
}

// refused reports whether a seeded fault refuses the e-mail: by name, or without naming anybody. Neither
// the address nor its form tells which.
func (s *Simulator) refused(email string, byName bool) bool {
	kind := "unnamed"
	if byName {
		kind = "refuse"
	}
	return s.strikes(kind, email)
}

// strikes reports whether a fault of a kind strikes an e-mail.
func (s *Simulator) strikes(kind, email string) bool {
	for _, f := range s.faults {
		if f.Kind == kind && f.active(s.now()) && f.chance(email) < f.Share {
			return true
		}
	}
	return false
}

// chance is a number from 0 to 1 that is always the same for an e-mail and a seed.
func (f *Fault) chance(email string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte{byte(f.seed), byte(f.seed >> 8), byte(f.seed >> 16), byte(f.seed >> 24)})
	_, _ = h.Write([]byte(f.Kind[:1]))
	_, _ = h.Write([]byte(strings.ToLower(email)))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
