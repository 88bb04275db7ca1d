// Package demo does the main job in one process, through the same code as `consumer run`: an embedded
// broker that syncs every write, an embedded SendGrid, a made-up population, and at the end an audit.
//
// It guarantees that the audit judges independently (package audit imports nothing that it judges), and
// that whatever it started has ended when Run returns. Its times are of this machine; the simulator's
// delays are SendGrid's, divided by the clock scale that it tells.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/demo/audit"
	"rollcall/internal/publish"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/state"
)

// Options is what can be chosen.
type Options struct {
	Profiles   int     // of the population
	Seed       uint64  // of population, ids, delays and faults
	ClockScale float64 // of the simulator; 1 is SendGrid's true delays
	Cap        int     // 0: two thirds of what the population comes to
	Dir        string  // where the broker keeps its files; "" is a temporary one, removed afterwards
	Keep       bool    // wait for ctx to end before stopping, for a look
	Progress   func(Progress)
	Finished   func(*Result) error // is told of the result before Keep waits; nil is nobody
	Said       io.Writer           // what is said besides the table; nil is nothing
	Log        *zap.Logger
	Version    string

	Faults []simulator.Fault                  // of SendGrid besides the few addresses that it refuses
	Spoil  func(context.Context, World) error // tampers before the audit, to see that it can fail
}

// World is what a demo is made of, while it runs.
type World struct {
	Simulator *simulator.Simulator
	SendGrid  string // its base URL
	List      string // the id of the destination's list
	Broker    string // its URL
	HTTP      string // health, metrics and the operator's page
}

// Phase is how far a demo has come.
type Phase string

// The phases.
const (
	Publishing Phase = "publishing"
	Settling   Phase = "settling"
)

// Progress is how a demo stands.
type Progress struct {
	Phase           Phase
	Published, Rows int
	Stats           state.Stats
	Elapsed         time.Duration
}

// Result is what came of a demo.
type Result struct {
	Rows       int // published
	Events     int // that the stream held at the end
	Stats      state.Stats
	Simulator  simulator.Summary
	Cap        int
	ClockScale float64
	Publishing time.Duration
	Settling   time.Duration // until everything was applied, after the publishing
	Total      time.Duration
	ApplyDelay time.Duration // SendGrid's, by its own clock
	StatusMin  time.Duration
	StatusMax  time.Duration
	PeakMemory uint64 // bytes, of the whole process; 0 where the system does not tell
	Report     *audit.Report
}

// refusedShare is how many of the addresses SendGrid itself refuses, naming them in a 400.
const refusedShare = 0.0002

// Run does the job and audits it. An error means that there is no result; a result may still have a
// report that is not clean.
func Run(ctx context.Context, o Options) (*Result, error) {
	o.defaults()
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "rollcall-demo-")
		if err != nil {
			return nil, fmt.Errorf("make a directory for the broker: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // a temporary one: the system's cleaning takes what is left
		o.Dir = dir
	}
	s := &stage{opts: o, began: time.Now()}
	err := s.set(ctx)
	var result *Result
	if err == nil {
		result, err = s.play(ctx)
	}
	if err == nil && o.Finished != nil {
		err = o.Finished(result)
	}
	if err == nil && o.Keep {
		s.linger(ctx)
	}
	return result, errors.Join(err, s.strike(context.WithoutCancel(ctx)))
}

func (o *Options) defaults() {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Said == nil {
		o.Said = io.Discard
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.ClockScale < 1 {
		o.ClockScale = 1
	}
	if o.Cap == 0 {
		o.Cap = max(o.Profiles*2/3, 1)
	}
}

// population is who the demo is about.
func (o *Options) population() publish.Population {
	return publish.Population{Seed: o.Seed, Profiles: o.Profiles, BadEmails: 0.003, Churn: 0.2, Later: true}
}

// arrivals is how many rows tell of somebody who comes.
func (o *Options) arrivals() int {
	p := o.population()
	p.Churn = 0
	return p.Count()
}

func (o *Options) storeDir() string { return filepath.Join(o.Dir, "nats") }

// linger waits for somebody who has a look.
func (s *stage) linger(ctx context.Context) {
	fmt.Fprintf(s.opts.Said, "\nkept running until Ctrl-C:\n  broker     %s   (nats --server %s stream ls)\n  SendGrid   %s/simulator/v1/state\n  operator   http://%s/\n",
		s.world.Broker, s.world.Broker, s.world.SendGrid, s.world.HTTP)
	<-ctx.Done()
}
