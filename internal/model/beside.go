package model

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"rollcall/internal/model/fakeledger"
	"rollcall/internal/pipeline"
)

// A second destination of the account: a list, a ledger and replicas of its own, over the same stream, with segments that
// overlap. A deletion at SendGrid takes a contact off every list, so that an erasure in one of the two has the other one look
// again (H15, H32): here between two real pipelines.

// doBeside does an operation to the second destination, which is made by the first of them: beside OPERATION ….
func doBeside(w *world, o Op) error {
	do, known := verbs[o.arg(0)]
	if !known || w.second || o.arg(0) == "restore" {
		return fmt.Errorf("beside: no operation of a second destination is called %q", o.arg(0))
	}
	if w.neighbour() == nil {
		w.addBeside()
	}
	return do(w.neighbour(), Op{o.arg(0), o.Args[1:]})
}

// addBeside makes the second destination's world. What SendGrid and the stream do is the story's, for both.
func (w *world) addBeside() {
	w.mu.Lock()
	seed := w.rng.Uint64()
	w.mu.Unlock()
	other := &world{
		name: "d2", list: besideList, beside: w, second: true,
		rng: rand.New(rand.NewPCG(seed, 0x70112)), stream: w.stream, ledger: fakeledger.New(), sim: w.sim, anyOrder: w.anyOrder,
		trace: w.trace, plan: w.plan, keep: w.keep, exports: w.exports, ghosts: w.ghosts, refuses: w.refuses,
		config: Config{Segments: []string{"b", "c"}, Mapping: "beside"},
		at:     map[pipeline.Step]func(*process){},
		arms:   map[string]int{}, flaky: map[string]int{}, refresh: map[string]*refreshing{},
	}
	w.sim.AddList(besideList, "Magazine")
	other.customs = map[string]string{"level": w.sim.AddField("level", "Text")}
	other.watch = newWatch(other)
	w.fault(nil)
	other.seedContacts(`{"list_ids":["` + besideList + `"],"contacts":[{"email":"` + foreigner + `"}]}`)
	w.static(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beside = other
}

// neighbour is the other destination's world; nil as long as there is none. Replicas ask for it while a story makes it.
func (w *world) neighbour() *world {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.beside
}

// both are this destination's world and that of the one beside it.
func (w *world) both() []*world {
	other := w.neighbour()
	if other == nil {
		return []*world{w}
	}
	return []*world{w, other}
}

const (
	askRecheck = 10 * time.Second // how long an erasure waits for another destination
	lookForOwe = time.Second      // between two looks whether a recheck was left for this one
)

// Recheck implements pipeline.Neighbours. For a destination that is active nowhere it is left until it is.
func (p *process) Recheck(ctx context.Context, emails []string) ([]string, error) {
	err := p.step(ctx, "neighbour")
	other := p.w.neighbour()
	if err != nil || other == nil {
		return nil, err
	}
	err = pipeline.ErrNotActive
	if at := other.live(); at != nil {
		ctx, cancel := context.WithTimeout(ctx, askRecheck)
		defer cancel()
		err = at.dest.Recheck(ctx, emails)
	}
	if !errors.Is(err, pipeline.ErrNotActive) {
		return nil, err
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	other.owed = append(other.owed, emails...)
	return []string{other.name}, nil
}

// claimed does, from a claim until the replica's end, the rechecks that were left for its destination.
func (p *process) claimed() {
	if p.w.neighbour() == nil {
		return
	}
	p.w.wires.Go(func() {
		for {
			p.settleOwed()
			select {
			case <-time.After(lookForOwe):
			case <-p.done:
				return
			}
		}
	})
}

func (p *process) settleOwed() {
	p.w.mu.Lock()
	owed := p.w.owed
	p.w.mu.Unlock()
	if len(owed) == 0 || !p.running() {
		return
	}
	named := map[string]bool{}
	for _, e := range owed {
		named[e] = true
	}
	ctx, cancel := context.WithTimeout(context.Background(), askRecheck)
	defer cancel()
	if p.dest.RecheckWhere(ctx, func(email []byte) bool { return named[string(email)] }) != nil {
		return // it is tried again
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.owed = p.w.owed[min(len(owed), len(p.w.owed)):]
}

// owesRecheck reports whether a recheck is left for the destination.
func (w *world) owesRecheck() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.owed) > 0
}
