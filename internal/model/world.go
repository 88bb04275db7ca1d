package model

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"rollcall/internal/broker"
	"rollcall/internal/model/fakeledger"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid/simulator"
)

// The account's clock runs faster, so that a story is some seconds of the bubble's time: SendGrid applies
// a job after 1.5 s, and an unanswered request may be applied for 18 s.
const (
	clockScale = 20
	timeout    = 3 * time.Second
	horizon    = 5 * time.Minute // by the account's clock
	quiet      = 500 * time.Millisecond
	maxWait    = 2 * time.Second
	apply      = 30 * time.Second / clockScale // about: jobs in any order take twice as long
)

// The lists of the account: the first destination's, and that of the one beside it.
const (
	listID     = "list-1"
	besideList = "list-2"
)

// foreigner is on the list before we are, and nobody's contact of ours.
const foreigner = "foreigner@elsewhere.org"

// strange has an identifier at SendGrid that we never send: every upsert of it errs in its job.
const strange = "e6@example.com"

// stranger is no e-mail of ours: SendGrid would lower-case its kelvin sign to the k of somebody else's (H40).
const stranger = "\u212a7@example.com"

// world is everything around a destination: the stream, the ledger, SendGrid, what was set aside, and the
// replicas that run.
type world struct {
	name     string // the destination's
	list     string // its list's id
	beside   *world // the account's other destination, over the same stream; nil is none
	alone    bool   // the account is configured with this destination only
	second   bool   // this is the one that is beside the story's own
	rng      *rand.Rand
	stream   *stream
	ledger   *fakeledger.Ledger
	sim      *simulator.Simulator
	anyOrder bool              // its jobs are applied in any
	customs  map[string]string // ids of the custom fields, by name
	config   Config            // of the next replica to start
	plan     int               // contacts that the account takes; 0 is any number
	keep     time.Duration     // how long the departed are remembered; 0 is for ever
	ghosts   uint64            // events that the broker counts behind each, and that are not there
	exports  int               // contacts from which on the whole list is read; 0 is more than there are
	backup   []byte            // the last one
	guard    int               // removals that the guard lets through; 0 is any number
	watch    *watch
	trace    func(string, ...any) // told of everything that happens; may be nil
	wires    sync.WaitGroup       // requests on the wire
	replicas []*process
	rules    []*rule
	arms     map[string]int // crash at the n-th time of something
	at       map[pipeline.Step]func(*process)
	flaky    map[string]int // the next steps of a kind that fail
	refresh  map[string]*refreshing
	refuses  []simulator.Fault // e-mails that SendGrid never takes

	mu      sync.Mutex // of what follows, and of rng, rules and arms
	failure error
	letters []broker.DeadLetter
	owed    []string // e-mails that the other destination has erased while this one was active nowhere
}

func newWorld(seed uint64, plan int, trace func(string, ...any)) *world {
	w := &world{
		name: "d", list: listID, rng: rand.New(rand.NewPCG(seed, 0x70111)), stream: newStream(), ledger: fakeledger.New(),
		trace: trace, plan: plan,
		config: Config{Segments: []string{"a", "b"}, Mapping: "plain"},
		at:     map[pipeline.Step]func(*process){},
		arms:   map[string]int{}, flaky: map[string]int{}, refresh: map[string]*refreshing{},
	}
	w.anyOrder = w.chance(0.5)
	w.sim = simulator.New(simulator.Options{ClockScale: clockScale, Seed: seed, NoLimits: true, PlanLimit: plan, Quirks: simulator.Quirks{AnyOrder: w.anyOrder}})
	w.sim.AddList(listID, "Newsletter")
	w.customs = map[string]string{"tier": w.sim.AddField("tier", "Text")}
	w.watch = newWatch(w)
	w.seedContacts(`{"list_ids":["`+listID+`"],"contacts":[{"email":"`+foreigner+`","city":"Oslo"}]}`,
		`{"contacts":[{"email":"`+strange+`","external_id":"x-6"}]}`)
	return w
}

// seedContacts puts contacts into the account before anybody of ours: the foreign member of a list, and one with another
// identifier on none.
func (w *world) seedContacts(bodies ...string) {
	for _, body := range bodies {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPut, "http://sendgrid/v3/marketing/contacts", stringsReader(body))
		if err != nil {
			w.fail("seed: %v", err)
			return
		}
		r.Header.Set("Authorization", "Bearer SG.simulator")
		res, err := w.sim.RoundTrip(r)
		if err != nil || res.StatusCode != http.StatusAccepted {
			w.fail("seed: %v %v", res, err)
			return
		}
		_ = res.Body.Close()
	}
	time.Sleep(2*apply + time.Millisecond)
	w.watch.seen = len(w.sim.History(w.list))
}

// fail keeps the first thing that went wrong.
func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure == nil {
		w.failure = fmt.Errorf(format, args...)
	}
}

// failed is what went wrong first, here or in the destination beside.
func (w *world) failed() error {
	for _, one := range w.both() {
		one.mu.Lock()
		failure := one.failure
		one.mu.Unlock()
		if failure != nil {
			return failure
		}
	}
	return nil
}

func (w *world) chance(p float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.Float64() < p
}

// between draws a duration.
func (w *world) between(least, most time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return least + time.Duration(w.rng.Int64N(int64(most-least)+1))
}

// live returns the replica that claimed last, if it runs and is not paused, else the one that was started last.
func (w *world) live() *process {
	if p := w.watch.owner.Load(); p != nil && p.running() {
		return p
	}
	for _, p := range slices.Backward(w.replicas) {
		if p.running() {
			return p
		}
	}
	return nil
}

// close ends every replica and waits for it and for what is on the wire.
func (w *world) close() {
	for _, one := range w.both() {
		for _, p := range one.replicas {
			p.die()
		}
	}
	for _, one := range w.both() {
		for _, p := range one.replicas {
			<-p.done
		}
		one.wires.Wait()
	}
}

// PublishDeadLetters implements pipeline.Letters behind a process.
func (w *world) publishLetters(letters []broker.DeadLetter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.letters = append(w.letters, letters...)
}

// lettered reports whether the event at a sequence was set aside.
func (w *world) lettered(seq uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.letters {
		if w.letters[i].Sequence == seq {
			return true
		}
	}
	return false
}

// tell notes what happens, with the time since the story began.
func (w *world) tell(format string, args ...any) {
	if w.trace != nil {
		teller := w
		if w.second { // both tell the same, one after the other
			teller = w.beside
		}
		teller.mu.Lock()
		defer teller.mu.Unlock()
		w.trace("%8.3fs  %-2s  %s", time.Since(w.stream.created).Seconds(), w.name, fmt.Sprintf(format, args...))
	}
}

// logger judges every line of every level: none may name a contact (I12).
func (w *world) logger() *zap.Logger {
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), lines{w}, zapcore.DebugLevel))
}

// lines are where log lines go.
type lines struct{ w *world }

// Write implements zapcore.WriteSyncer.
func (l lines) Write(line []byte) (int, error) {
	if bytes.IndexByte(line, '@') >= 0 {
		l.w.fail("I12: a log line names a contact: %s", line)
	}
	return len(line), nil
}

// Sync implements zapcore.WriteSyncer.
func (lines) Sync() error { return nil }
