package simulator

import (
	"slices"
	"time"
)

// Job is one accepted write as it truly went. Times are of the real clock.
type Job struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Requested int       `json:"requested"`
	Accepted  time.Time `json:"accepted"`
	Applied   time.Time `json:"applied"`          // zero where it was not applied
	Never     bool      `json:"never,omitempty"`  // it will not be applied
	Silent    bool      `json:"silent,omitempty"` // its status stays pending
}

// Jobs returns every accepted write, in order.
func (s *Simulator) Jobs() []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	ordered := make([]*job, 0, len(s.jobs))
	for _, j := range s.jobs {
		ordered = append(ordered, j)
	}
	slices.SortFunc(ordered, func(a, b *job) int { return int(a.order) - int(b.order) })
	out := make([]Job, 0, len(ordered))
	for _, j := range ordered {
		one := Job{ID: j.id, Kind: j.kind, Requested: j.requested, Accepted: s.real(j.accepted), Never: j.never, Silent: j.forever}
		if j.done {
			one.Applied = s.real(j.apply)
		}
		out = append(out, one)
	}
	return out
}

// Refuses reports whether a fault of kind refuse strikes the e-mail, so that no batch with it is taken.
func (s *Simulator) Refuses(email string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused(email, true)
}

// Delays returns, in simulated time, how long after its 202 a write is applied, and how long its status
// takes at least and at most.
func (s *Simulator) Delays() (apply, statusMin, statusMax time.Duration) {
	return s.opts.ApplyDelay, s.opts.StatusMin, s.opts.StatusMax
}

// Requests returns the last requests, oldest first.
func (s *Simulator) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.log.last...)
}

// Erased reports whether an erase job has taken an address.
func (s *Simulator) Erased(email string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	return s.erased[email]
}

// RefusesUnnamed is the same of the kind unnamed.
func (s *Simulator) RefusesUnnamed(email string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused(email, false)
}
