// Package app wires a configuration to running destinations: broker, ledger, SendGrid, metrics and the
// operator's service.
//
// It guarantees that what it started it stops, in reverse order, and that a destination in trouble
// never keeps another from running (I9). It decides nothing itself.
package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/scrub"
	"rollcall/internal/state"
	"rollcall/internal/telemetry"
)

// Options is what is not configuration.
type Options struct {
	Log       *zap.Logger
	Version   string
	Conn      *broker.Conn      // a broker that is connected already; the caller goes on owning it
	Transport http.RoundTripper // of the requests to SendGrid; nil is the default
	Replica   string            // a name for this process; empty is made from host and process id
	Registry  *prometheus.Registry
	Build     telemetry.Build
}

// App is one process's destinations. Make it with New; Start and Stop it once.
type App struct {
	cfg      *config.Config
	opts     Options
	log      *zap.Logger
	conn     *broker.Conn
	metrics  *telemetry.Metrics
	registry *prometheus.Registry
	accounts map[string]*account
	secrets  secrets
	room     room
	ours     lacking             // of our own streams
	events   map[string]*lacking // of the event streams, by name
	runners  []*runner
	board    *broker.Board
	link     atomic.Pointer[broker.Conn] // conn, for who may ask before it is there
	letters  letterBook
	orphaned orphanage
	http     string // address, once listening
	cleanups []cleanup
	cancel   context.CancelFunc
	running  sync.WaitGroup
	ready    atomic.Bool // the broker is connected and the runners are there
}

// cleanup is one named step of the teardown.
type cleanup struct {
	name string
	do   func(context.Context) error
}

// New returns an app that has not started anything yet.
func New(cfg *config.Config, o Options) *App {
	o.Log = scrub.Logger(o.Log)
	if o.Replica == "" {
		host, _ := os.Hostname()
		o.Replica = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	o.Build = builtAs(o, cfg)
	return &App{
		cfg: cfg, opts: o, log: o.Log, registry: o.Registry,
		accounts: map[string]*account{}, events: map[string]*lacking{},
	}
}

// Run starts the app, waits until the context ends, and stops it gracefully.
func Run(ctx context.Context, cfg *config.Config, o Options) error {
	a := New(cfg, o)
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	<-ctx.Done()
	return a.Stop(context.WithoutCancel(ctx))
}

func (a *App) onStop(name string, do func(context.Context) error) {
	a.cleanups = append(a.cleanups, cleanup{name, do})
}

// Start connects, makes what is missing at the broker, and sets every destination going. It does not
// wait for them.
func (a *App) Start(ctx context.Context) error {
	a.metrics = telemetry.New(a.registry, a.opts.Build)
	a.metrics.Broker(a.reached)
	if err := a.serveHTTP(ctx); err != nil {
		return err
	}
	if err := a.connect(ctx); err != nil {
		return err
	}
	if err := a.listen(); err != nil {
		return err
	}
	if err := a.openSecrets(ctx); err != nil {
		return err
	}
	for i := range a.cfg.Accounts {
		acc, err := a.newAccount(&a.cfg.Accounts[i])
		if err != nil {
			return err
		}
		a.accounts[acc.cfg.ID] = acc
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	a.onStop("destinations", func(context.Context) error {
		cancel()
		a.running.Wait()
		return nil
	})
	for i := range a.cfg.Destinations {
		r := a.newRunner(&a.cfg.Destinations[i])
		a.runners = append(a.runners, r)
	}
	a.watch(run)
	a.running.Go(func() { a.countLetters(run) })
	a.running.Go(func() { a.watchRoom(run) })
	if err := a.announce(); err != nil {
		return err
	}
	a.ready.Store(true)
	for _, acc := range a.accounts {
		a.running.Go(func() { acc.sample(run, a) })
	}
	for _, r := range a.runners {
		a.running.Go(func() { r.run(run) })
		a.running.Go(func() { r.sample(run) })
	}
	return nil
}

// Stop stops everything that was started, the last first. Destinations commit what they folded and
// record the answers under way.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	for len(a.cleanups) > 0 {
		c := a.cleanups[len(a.cleanups)-1]
		a.cleanups = a.cleanups[:len(a.cleanups)-1]
		if err := c.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

// Conn is the connection to the broker, once started.
func (a *App) Conn() *broker.Conn { return a.conn }

// Stats returns how a destination stands; false where the configuration has none of that id.
func (a *App) Stats(destination string) (state.Stats, bool) {
	if r, ok := a.runner(destination); ok {
		return r.stats(), true
	}
	return state.Stats{}, false
}

func (a *App) runner(destination string) (*runner, bool) {
	for _, r := range a.runners {
		if r.cfg.ID == destination {
			return r, true
		}
	}
	return nil, false
}
