package simulator

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// rateWindow counts one key's requests on one route within a minute of the simulated clock.
type rateWindow struct {
	ends time.Time
	used int
}

// headers counts the request and writes what every answer carries, refusals too.
func (s *Simulator) headers(rt route, x *exchange) {
	now := s.now()
	win := s.window(rt, x)
	win.used++
	limit := rt.limit(&s.opts)
	x.header.Set("X-Ratelimit-Limit", strconv.Itoa(limit))
	x.header.Set("X-Ratelimit-Remaining", strconv.Itoa(max(0, limit-win.used)))
	left := win.ends.Sub(now).Seconds() / s.opts.ClockScale // in real seconds
	if s.opts.EpochReset {
		left = float64(s.real(win.ends).UnixMilli()) / 1000
	}
	x.header.Set("X-Ratelimit-Reset", strconv.FormatInt(int64(math.Ceil(left)), 10))
	x.header.Set("X-Amzn-Requestid", "simulator-"+strconv.FormatUint(s.log.served+1, 10))
}

func (s *Simulator) window(rt route, x *exchange) *rateWindow {
	now := s.now()
	key := x.Header.Get("Authorization") + " " + rt.name
	win := s.windows[key]
	if win == nil || !now.Before(win.ends) {
		win = &rateWindow{ends: now.Truncate(time.Minute).Add(time.Minute)}
		s.windows[key] = win
	}
	return win
}

// limited refuses a request that is one too many.
func (s *Simulator) limited(rt route, x *exchange) bool {
	if s.opts.NoLimits || s.window(rt, x).used <= rt.limit(&s.opts) {
		return false
	}
	s.refuseRate(x)
	return true
}

func (s *Simulator) refuseRate(x *exchange) {
	if s.opts.EmptyLimited {
		x.status = http.StatusTooManyRequests
		x.header.Set("X-Envoy-Ratelimited", "true")
		return
	}
	x.fail(http.StatusTooManyRequests, nobodys("too many requests"))
}
