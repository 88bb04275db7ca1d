// Package simulator is a SendGrid to try senders against: the marketing routes as the real one serves
// them, with its delays, its jobs, its limits and its ways of failing.
//
// It is an http.Handler, and an http.RoundTripper for tests without sockets. Writes are accepted with a
// job and applied half a minute later by its own clock, which can run faster; nothing is visible before.
// It is deterministic for a seed, a clock and an order of requests, runs no goroutine, and keeps
// everything in memory. It knows nothing of Rollcall. docs/simulator.md lists every route, switch, fault
// and inspection call.
package simulator

import (
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Options sets a simulator up. The zero value of each is the default that is named.
type Options struct {
	Keys       []string         // API keys that are taken; none: SG.simulator
	Restricted []string         // keys of these that lack the marketing scopes
	Subusers   []string         // user names that on-behalf-of may give
	ClockScale float64          // simulated seconds a second; 1
	Seed       uint64           // of ids, delays and faults
	Now        func() time.Time // the clock that is scaled; time.Now

	ApplyDelay time.Duration // from the 202 to the change; 30 s
	StatusMin  time.Duration // from the 202 to a final status, at least; 150 s
	StatusMax  time.Duration // and at most; 250 s
	JobsKept   time.Duration // how long a job can be asked for; 1 h
	ByteLimit  int           // of an upsert's body; 4,194,304, as was observed (6,000,000 is documented)
	Limit      int           // requests a minute on contacts and searches; 200
	LimitOther int           // requests a minute on all other routes; 600
	NoLimits   bool          // no request is refused for its rate
	PlanLimit  int           // contacts that the plan allows; 0 is any number
	PlanPaid   bool          // above the plan's limit contacts are taken and billed
	Inspect    bool          // serve /simulator/v1 to others than this machine

	Quirks
}

// Simulator is one SendGrid account, with its subusers. It is safe for concurrent use.
type Simulator struct {
	opts  Options
	mux   *http.ServeMux
	start time.Time
	subs  map[string]*Simulator

	mu       sync.Mutex
	ids      *rand.Rand // of identifiers, so that nothing else moves them
	delays   *rand.Rand // of jobs
	luck     *rand.Rand // of faults
	shuffles *rand.Rand // of what comes in no order

	people   people
	lists    map[string]*list
	fields   []*field
	jobs     map[string]*job
	queue    queue // jobs by the time at which they are applied
	order    uint64
	exports  map[string]*export
	windows  map[string]*rateWindow
	faults   []*Fault
	replaced chan struct{} // closed when the plan of faults is
	held     int           // requests that are
	struck   map[string]int
	revoked  bool
	blocked  bool
	billed   int
	month    time.Month
	log      requestLog
	history  []Membership
	suppress map[string]bool
	erased   map[string]bool
}

// New returns a simulator with no lists and no contacts.
func New(o Options) *Simulator {
	if len(o.Keys) == 0 {
		o.Keys = []string{"SG.simulator"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ClockScale = max(o.ClockScale, 1)
	defaultTo(&o.ApplyDelay, 30*time.Second)
	defaultTo(&o.StatusMin, 150*time.Second)
	defaultTo(&o.StatusMax, max(250*time.Second, o.StatusMin))
	defaultTo(&o.JobsKept, time.Hour)
	defaultTo(&o.ByteLimit, 4<<20)
	defaultTo(&o.Limit, 200)
	defaultTo(&o.LimitOther, 600)
	s := newAccount(o, o.Now())
	for _, name := range o.Subusers {
		sub := o
		sub.Subusers = nil
		h := fnv.New64a()
		_, _ = h.Write([]byte(name))
		sub.Seed ^= h.Sum64()
		s.subs[name] = newAccount(sub, s.start)
	}
	return s
}

func newAccount(o Options, start time.Time) *Simulator {
	source := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, stream)) }
	s := &Simulator{
		opts: o, start: start, subs: map[string]*Simulator{},
		ids: source(0x5eed), delays: source(0xde1a), luck: source(0x1ac), shuffles: source(0x5f1e),
		replaced: make(chan struct{}),
		struck:   map[string]int{},
		people:   newPeople(), lists: map[string]*list{}, jobs: map[string]*job{}, exports: map[string]*export{},
		windows: map[string]*rateWindow{}, suppress: map[string]bool{}, erased: map[string]bool{}, month: start.UTC().Month(),
	}
	s.routes()
	return s
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Subuser returns the account of a subuser, or nil: its lists and contacts are its own.
func (s *Simulator) Subuser(name string) *Simulator { return s.subs[name] }

// now is the simulated time.
func (s *Simulator) now() time.Time {
	return s.start.Add(time.Duration(float64(s.opts.Now().Sub(s.start)) * s.opts.ClockScale))
}

// real is when the real clock shows a simulated time.
func (s *Simulator) real(at time.Time) time.Time {
	return s.start.Add(time.Duration(float64(at.Sub(s.start)) / s.opts.ClockScale))
}

// id makes an identifier in the form of a UUID, from the seed.
func (s *Simulator) id() string {
	const hex = "0123456789abcdef"
	b := make([]byte, 36)
	a, c := s.ids.Uint64(), s.ids.Uint64()
	for i := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			b[i] = '-'
			continue
		}
		if i < 19 {
			b[i], a = hex[a&15], a>>4
		} else {
			b[i], c = hex[c&15], c>>4
		}
	}
	b[14], b[19] = '4', '8'
	return string(b)
}
