package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/model/fakeledger"
	"rollcall/internal/pipeline"
	"rollcall/internal/plan"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
	"rollcall/internal/window"
)

var errFlaky = errors.New("the broker did not answer")

var errDead = errors.New("this replica was killed")

// process is one replica: everything that the pipeline asks of the world goes through it, so that a kill
// takes effect between any two steps, and a pause holds every step back.
type process struct {
	w       *world
	config  Config
	journal *fakeledger.Journal
	dest    *pipeline.Destination
	cancel  context.CancelFunc
	done    chan struct{} // closed when Run has returned
	entries atomic.Int64  // that it committed
	changes atomic.Int64  // requests of its that change SendGrid
	err     error         // what it returned

	mu      sync.Mutex
	killed  chan struct{} // closed by die
	dead    bool
	woken   chan struct{} // not nil while paused; closed by wake
	at      uint64        // the next sequence to be handed out
	ghosts  uint64        // counted as pending and not there
	handed  []uint64      // every sequence that was
	again   []broker.Message
	intents []intent
}

// intent is a committed one that no request has followed yet.
type intent struct {
	*record.Intent
	emails map[string]bool
	used   bool
}

// start starts a replica with the configuration that holds now.
func (w *world) start() *process {
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{
		w: w, config: w.config, journal: w.ledger.Open(), cancel: cancel, ghosts: w.ghosts,
		done: make(chan struct{}), killed: make(chan struct{}),
	}
	p.config.Segments = slices.Clone(w.config.Segments)
	client, err := sendgrid.New(sendgrid.Options{
		BaseURL: "http://sendgrid", Key: func() (string, error) { return "SG.simulator", nil }, Transport: wire{p}, ClockScale: clockScale, ExportFrom: w.exports,
	})
	if err != nil {
		w.fail("make the client: %v", err)
	}
	p.dest = pipeline.New(p.options(client))
	w.replicas = append(w.replicas, p)
	w.watch.capped(p.config.Cap)
	go func() {
		defer close(p.done)
		p.err = p.dest.Run(ctx)
		p.judgeEnd()
	}()
	return p
}

// judgeEnd says whether the replica had a reason to end.
func (p *process) judgeEnd() {
	p.mu.Lock()
	dead := p.dead
	p.dead = true
	p.mu.Unlock()
	if p.err != nil && !dead && !errors.Is(p.err, ledger.ErrFenced) && !errors.Is(p.err, context.Canceled) {
		p.w.fail("a replica ended: %v", p.err)
	}
}

func (p *process) options(client *sendgrid.Account) pipeline.Options {
	var neighbours pipeline.Neighbours
	if !p.w.alone {
		neighbours = p
	}
	return pipeline.Options{
		Destination: p.w.name, Replica: "r",
		Binding: record.Binding{List: p.w.list, Stream: "S", Segments: p.config.Segments, Mapping: fmt.Sprint(p.config.Mapping, p.config.Omit)},
		Policy:  p.w.policy(p.config),
		Batch:   pipeline.BatchLimits{MaxContacts: 3, MaxBytes: 3_500_000},
		Mapping: p.w.spec(p.config),
		Log:     p.w.logger(),
		Salt:    []byte("salt"), SnapshotEvery: 1, ExportFrom: p.w.exports,
		Journal: p, Compactor: p, Source: p, Stream: p, Letters: p,
		Sender: client, Finder: client, Prober: client, Purger: p, Observer: observer{p.w},
		Neighbours: neighbours, Claimed: p.claimed, Crash: p.point,
	}
}

func (w *world) policy(c Config) state.Policy {
	p := policy(c, w.guard)
	p.Keep = w.keep
	return p
}

func policy(c Config, guard int) state.Policy {
	if guard == 0 {
		guard = 1 << 20
	}
	return state.Policy{
		Window: window.Policy{Quiet: quiet, MaxWait: maxWait},
		Guard:  plan.Guard{Interval: time.Hour, MinRemovals: guard, MaxShare: 0.01},
		Cap:    c.Cap, Horizon: horizon, Timeout: timeout, Scale: clockScale,
	}
}

func (w *world) spec(c Config) mapping.Spec {
	s := mapping.Spec{EmailAttribute: "email", OmitBad: c.Omit}
	for _, name := range []string{"first_name", "city", "tier", "level"} {
		if attribute, mapped := mappings[c.Mapping][name]; mapped {
			id, custom := w.customs[name]
			s.Fields = append(s.Fields, mapping.Field{Name: name, Attribute: attribute, Custom: custom, ID: id})
		}
	}
	return s
}

// running reports whether the replica runs and is not paused.
func (p *process) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead && p.woken == nil
}

// die kills the replica: nothing that it does from here on has an effect.
func (p *process) die() {
	p.mu.Lock()
	if !p.dead {
		p.dead = true
		close(p.killed)
	}
	p.mu.Unlock()
	p.cancel()
}

// pause holds every further step of the replica back, until wake.
func (p *process) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.woken == nil {
		p.woken = make(chan struct{})
	}
}

func (p *process) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.woken != nil {
		close(p.woken)
		p.woken = nil
	}
}

// step comes before everything that a replica does to the world. kind is what a crash can be armed at.
func (p *process) step(ctx context.Context, kind string) error {
	if p.w.strikes(kind) {
		p.die()
	}
	for {
		p.mu.Lock()
		dead, woken := p.dead, p.woken
		p.mu.Unlock()
		if dead {
			return errDead
		}
		if err := ctx.Err(); err != nil || woken == nil {
			return errors.Join(err, p.w.stumbles(kind))
		}
		select {
		case <-woken:
		case <-p.killed:
		case <-ctx.Done():
		}
	}
}

// stumbles fails a step that is to fail.
func (w *world) stumbles(kind string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flaky[kind] == 0 {
		return nil
	}
	w.flaky[kind]--
	return errFlaky
}

// strikes counts down to an armed crash.
func (w *world) strikes(kind string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.arms[kind] == 0 {
		return false
	}
	w.arms[kind]--
	return w.arms[kind] == 0
}

// nap lets the bubble's time go on, so that steps come in between each other.
func (p *process) nap(ctx context.Context, most time.Duration) {
	t := time.NewTimer(p.w.between(0, most))
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.killed:
	case <-ctx.Done():
	}
}

// Load implements pipeline.Journal.
func (p *process) Load(ctx context.Context, snapshot func(io.Reader) error, entry func(uint64, []byte) error) (uint64, error) {
	if err := p.step(ctx, "load"); err != nil {
		return 0, err
	}
	return p.journal.Load(ctx, snapshot, entry)
}

// Tail implements pipeline.Journal.
func (p *process) Tail() uint64 { return p.journal.Tail() }

// Append implements pipeline.Journal. A crash may come before the entry is stored, or after.
func (p *process) Append(ctx context.Context, body []byte) (uint64, error) {
	p.nap(ctx, 20*time.Millisecond)
	if err := p.step(ctx, "append"); err != nil {
		return 0, ledger.ErrFenced
	}
	seq, err := p.w.watch.commit(p, body)
	if err != nil {
		return 0, err
	}
	p.entries.Add(1)
	p.nap(ctx, 20*time.Millisecond)
	if err := p.step(context.WithoutCancel(ctx), "appended"); err != nil {
		return 0, ledger.ErrFenced
	}
	return seq, nil
}

// StoreSnapshot implements pipeline.Compactor.
func (p *process) StoreSnapshot(ctx context.Context, covers uint64, write func(io.Writer) error) (ledger.Pointer, error) {
	if err := p.step(ctx, "snapshot"); err != nil {
		return ledger.Pointer{}, err
	}
	p.w.watch.snapshot(covers, write)
	return p.journal.StoreSnapshot(ctx, covers, write)
}

// CommitPointer implements pipeline.Compactor.
func (p *process) CommitPointer(ctx context.Context, pointer ledger.Pointer) (uint64, error) {
	if err := p.step(ctx, "pointer"); err != nil {
		return 0, ledger.ErrFenced
	}
	seq, err := p.journal.CommitPointer(ctx, pointer)
	if err == nil {
		p.entries.Add(1)
	}
	return seq, err
}

// PurgeTo implements pipeline.Compactor.
func (p *process) PurgeTo(ctx context.Context, pointer ledger.Pointer) error {
	if err := p.step(ctx, "purge"); err != nil {
		return err
	}
	return p.journal.PurgeTo(ctx, pointer)
}

// ShredTo implements pipeline.Compactor: in memory nothing has to be overwritten.
func (p *process) ShredTo(ctx context.Context, pointer ledger.Pointer) error {
	return p.PurgeTo(ctx, pointer)
}
