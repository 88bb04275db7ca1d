package pipeline

import "time"

// horizon is the end of a batch's doubt by the process's own clock, which no step of the system's clock moves: the
// doubt of a request without an answer ends neither early nor late because somebody set the clock (I4, H1).
type horizon struct {
	until int64         // by the ledger, unix nanoseconds; zero is no doubt
	end   time.Duration // by the process's clock
}

// over reports whether a doubt has ended that the ledger dates until: from when it is asked for the first time, only
// the process's clock counts.
func (h *horizon) over(until, wall int64, monotonic time.Duration) bool {
	if h.until != until {
		h.until, h.end = until, monotonic+time.Duration(until-wall)
	}
	return until == 0 || monotonic >= h.end
}

// left is how long the doubt lasts yet, a moment at least.
func (h *horizon) left(monotonic time.Duration) time.Duration {
	return max(h.end-monotonic, time.Millisecond)
}

// began is when the process did.
var began = time.Now()

// monotonic is how long the process has run, by a clock that nobody sets.
func monotonic() time.Duration { return time.Since(began) }
