package pipeline

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/health"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
	"rollcall/internal/translate"
)

// A graceful stop makes no request any more and waits for the answers of those that are under way: not long where another
// replica waits to go on, which takes them up as in doubt; longer where nobody does, because an answer is worth more than a doubt.
const (
	handOver  = 300 * time.Millisecond
	stopBound = 10 * time.Second
	stopLook  = 50 * time.Millisecond // how often it looks whether to leave
)

// Destination runs one destination on this replica. Make it with New, and Run it once.
type Destination struct {
	opts      Options
	commands  chan command
	questions chan question
	ended     chan struct{} // closed when Run returns
	stats     atomic.Pointer[state.Stats]
	clock     clock
	turned    atomic.Int64 // when the loop turned last, unix nanoseconds
}

// New returns a destination that is not running yet.
func New(o Options) *Destination {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.ExportFrom == 0 {
		o.ExportFrom = sendgrid.ExportFrom
	}
	d := &Destination{opts: o, commands: make(chan command), questions: make(chan question), ended: make(chan struct{})}
	d.clock = d.opts.clock()
	d.stats.Store(&state.Stats{})
	d.turned.Store(time.Now().UnixNano())
	return d
}

// Stats returns how the destination stood a moment ago. It may be called from any goroutine.
func (d *Destination) Stats() state.Stats { return *d.stats.Load() }

// Turned returns when the loop turned last; before Run it is the time of New.
func (d *Destination) Turned() time.Time { return time.Unix(0, d.turned.Load()) }

// loop is the goroutine that owns the destination's state.
type loop struct {
	*Destination
	state    *state.State
	resolved mapping.Spec // what is mapped, custom fields as far as they are known
	ending   error        // why the run cannot go on
	spec     mapping.Spec // its fields in the ledger's places
	encoder  *mapping.Mapper
	intaker  *intake
	stream   broker.StreamState // as it was at the claim
	log      *zap.Logger

	results  chan func()      // what came of tasks; run by the loop
	append   chan proposal    // to the appender; one at a time
	appended chan appendation // from it
	batches  chan *gathered
	spare    chan *gathered
	tasks    sync.WaitGroup // everything that sends to results
	work     context.Context
	timer    *time.Timer

	busy     bool            // an entry is under way
	folding  *gathered       // events to be committed next
	outbox   []record.Record // outcomes to be committed next
	letters  []letter        // to be confirmed before them
	entries  [2][]byte       // reused in turns
	plain    int             // entries of events alone since the last full one
	stopping bool
	awaited  []awaited // commands whose entry is not applied yet

	replayBusy bool // a part of a replay is being read
	replayID   string
	replayTold string          // the cancelled one whose receipt is published
	replaySent int64           // when the last part was handed on: it is not applied before the state says so
	replayAt   time.Time       // no next part before
	chosen     map[uint64]bool // profiles of a replay that ends at an earlier event
	chosenBy   string          // the replay

	letGoAt  int64                     // when contacts were let become due last: not applied before the state says so
	letGoing time.Time                 // none are let go before
	removals removalsFirst             // of the re-reading whose contacts are let go
	sharing  map[contact.Operation]int // requests under way within the share
	shared   map[uint64]bool           // their batches

	uploads map[uint64]*upload                  // bodies of intents that are not committed yet or under way
	sending map[contact.Operation]int           // requests under way
	polls   map[uint64]*poll                    // open batches to be followed
	reading map[contact.Handle]bool             // fields being read again
	looks   map[contact.Handle]int              // look-ups that found nothing yet
	tries   map[contact.Handle]tried            // jobs that ended without the contact
	spared  map[contact.Handle]uint64           // in doubt at a version that SendGrid would not have: not tried again
	suspect map[contact.Handle]bool             // in a batch that a 400 named nobody of
	halves  [][]contact.Handle                  // such batches, cut in two
	offered offers                              // came due, and not sent yet
	seen    *dense.Marks                        // reused
	full    int                                 // contacts that make a full upsert, as the last ones tell
	readAt  time.Time                           // no event is read again before
	lastCut time.Time                           // when the last upsert was cut
	cursor  uint64                              // acknowledged or being so
	pending uint64                              // events behind the last one folded
	counts  struct{ letters map[string]uint64 } // since the start

	known     *known // of contacts at SendGrid, by look-ups
	barred    barred // those whom look-ups refuse
	resolving resolving
	health    *health.Health
	plan      health.Plan // the account's
	ahead     sweepAhead  // what was swept waits meanwhile
	catchUp   catchUp     // what the loaded ledger owes waits meanwhile

	proof      proof
	faded      map[contact.Handle]faded // contacts whose event was not there when it was read again
	fullness   int                      // the step of the cap that was told last, in percent
	forgotten  time.Time                // the long departed were let go of then
	refilling  bool                     // a part of a back-fill is being read
	refilled   uint64                   // where the next part begins
	recounting recounting
	judging    map[uint64]bool       // refreshes that are refused, from their dead letter on
	short      map[uint64]short      // refreshes that lack members
	looking    bool                  // whether anything lies behind the cursor
	announced  map[uint64]*announced // refreshes whose receipt is published before their verdict is written
	owed       atomic.Int64          // receipts whose work has ended without them
	caughtUp   bool                  // nothing of ours lay behind the last event that came
	atEnd      bool                  // the same, told by that event or by a look at the stream; see reached
	journal    int64                 // bytes written since the last snapshot
	snapshot   int64                 // bytes of the last one
	pointer    *ledger.Pointer       // of a stored snapshot, to be committed
	storing    bool
	acking     bool
	json       []byte    // one contact, reused
	tick       time.Time // the numbers were published then
	aged       time.Time // oldest was found then
	oldest     int64     // see Stats.Oldest
}

// Run loads the ledger, claims it, and works until the context ends (then it commits what it folded and
// records the answers under way, and returns nil), or until it cannot go on: ledger.ErrFenced when
// another replica has claimed the destination.
func (d *Destination) Run(ctx context.Context) error {
	defer close(d.ended)
	l := &loop{
		Destination: d, log: d.opts.Log,
		results: make(chan func(), 64), append: make(chan proposal), appended: make(chan appendation),
		batches: make(chan *gathered, 2), spare: make(chan *gathered, 4),
		sharing: map[contact.Operation]int{}, shared: map[uint64]bool{},
		uploads: map[uint64]*upload{}, sending: map[contact.Operation]int{}, polls: map[uint64]*poll{},
		reading: map[contact.Handle]bool{}, looks: map[contact.Handle]int{}, tries: map[contact.Handle]tried{},
		suspect: map[contact.Handle]bool{}, spared: map[contact.Handle]uint64{}, judging: map[uint64]bool{}, announced: map[uint64]*announced{}, short: map[uint64]short{}, faded: map[contact.Handle]faded{}, timer: time.NewTimer(0),
		known: newKnown(), seen: &dense.Marks{}, full: d.opts.Batch.MaxContacts,
	}
	l.counts.letters = map[string]uint64{}
	l.health, l.plan.Every = l.newHealth(), d.opts.Policy.Scaled(countEvery)
	defer l.timer.Stop()
	if err := l.open(ctx); err != nil {
		return err
	}
	return l.run(ctx)
}

// run starts the goroutines around the loop and waits for all of them.
func (l *loop) run(ctx context.Context) error {
	take, stopTaking := context.WithCancel(ctx)
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	l.work = work
	var around sync.WaitGroup
	for range cap(l.spare) {
		l.spare <- &gathered{}
	}
	intakeDone := make(chan error, 1)
	around.Go(func() { intakeDone <- l.intake(take) })
	around.Go(func() { l.appender(work) })
	err := l.turn(ctx, intakeDone)
	l.untold()
	stopTaking()
	stopWork()
	close(l.append)
	go func() { // ends when the last task has: results has a reader until then
		l.tasks.Wait()
		around.Wait()
		close(l.results)
	}()
	for range l.results {
	}
	l.publish()
	return err
}

func (l *loop) intake(ctx context.Context) error {
	return l.intaker.run(ctx)
}

// reader makes what reads and translates events for one goroutine. The loop makes it: it looks at the state.
func (l *loop) reader(segments []string) (*intake, error) {
	translator, err := translate.New(l.spec, l.state.SegmentNumbers(segments))
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", l.opts.Destination, err)
	}
	in := &intake{
		opts: &l.opts, translator: translator, out: l.batches, spare: l.spare, log: l.log, now: time.Now,
		cursor: l.state.Meta.Cursor, newest: l.state.Meta.Time, unkeyed: !l.stream.Keyed,
	}
	if lost := l.state.Meta.Lost; lost != nil {
		in.lost = lost.To
	}
	return in, nil
}

// turn is the loop. Each arm does one thing; what it left to be written goes into the next entry.
func (l *loop) turn(ctx context.Context, intakeDone <-chan error) error {
	stop := ctx.Done()
	var leave <-chan time.Time
	var stopped time.Time
	for {
		l.propose(l.now())
		if l.stopping && !l.busy && l.idle() {
			return nil
		}
		select {
		case g := <-l.take():
			l.folding = g
		case a := <-l.appended:
			if err := l.committed(a); err != nil {
				return err
			}
		case f := <-l.results:
			f()
		case c := <-l.take1():
			l.command(c)
		case q := <-l.asked():
			q.answer(l)
		case <-l.timer.C:
		case err := <-intakeDone:
			if err != nil {
				return err
			}
			intakeDone = nil
		case <-stop:
			l.stopping, stop, stopped = true, nil, time.Now()
			ticker := time.NewTicker(stopLook)
			defer ticker.Stop()
			leave = ticker.C
		case <-leave:
			if time.Since(stopped) >= l.patience() {
				return nil
			}
		}
		l.told()
		if l.ending != nil {
			return l.ending
		}
		l.publishSometimes()
	}
}

// patience is how long a stop waits for answers.
func (l *loop) patience() time.Duration {
	if l.opts.Successor != nil && l.opts.Successor() {
		return handOver
	}
	return stopBound
}

// take is where the next events come from: nowhere while the last ones are not committed.
func (l *loop) take() <-chan *gathered {
	if l.folding != nil || l.stopping {
		return nil
	}
	return l.batches
}

func (l *loop) take1() <-chan command {
	if l.stopping {
		return nil
	}
	return l.commands
}

// idle reports whether nothing is left that a graceful stop waits for.
func (l *loop) idle() bool {
	return l.folding == nil && len(l.outbox) == 0 &&
		l.sending[contact.Upsert]+l.sending[contact.Remove]+l.sending[contact.Delete] == 0
}

// task runs f in a goroutine that the loop waits for; what f returns is run by the loop.
func (l *loop) task(f func(ctx context.Context) func()) {
	l.tasks.Go(func() {
		if done := f(sendgrid.WithOwner(l.work, l.opts.Destination)); done != nil {
			l.results <- done
		}
	})
}
