package publish

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Publisher sends events to one stream. One goroutine calls it.
type Publisher struct {
	*encoder
	opts    Options
	carrier carrier
	size    atomic.Int64 // events of a unit; it shrinks where the broker takes smaller batches only
	batches bool         // units are atomic batches
	stop    func()       // lets go of the carrier

	ctx    context.Context // ends with the first failure that can't heal, which is its cause
	cancel context.CancelCauseFunc
	work   sync.WaitGroup
	opened chan *unit
	places chan struct{} // one for each unit that may yet be opened

	sending sync.Mutex // units go out one after the other, in the order in which they were filled
	mu      sync.Mutex
	open    *unit            // is being filled
	busy    map[uint64]*unit // by profile: which unit holds its last event

	tally tally
}

// Publish takes a row. It waits while the window is full, and while an earlier event of the profile is not acknowledged. A row that
// can't be published is refused with a *RowError, and the publication goes on; any other error ends it.
func (p *Publisher) Publish(ctx context.Context, row Row) error {
	e, err := p.membership(row)
	if err != nil {
		return err
	}
	return p.put(ctx, e)
}

// Flush waits until everything is acknowledged and says what came of the publication so far, also where it failed.
func (p *Publisher) Flush(ctx context.Context) (Summary, error) {
	p.seal(nil)
	held := 0 // every place: nothing is on its way then
	var err error
	for err == nil && held < cap(p.places) {
		if err = p.await(ctx, p.places); err == nil {
			held++
		}
	}
	for range held {
		p.places <- struct{}{}
	}
	return p.tally.summary(), err
}

// Close ends what is still on its way, unheard of, and waits for the goroutines. Flush before.
func (p *Publisher) Close() {
	p.cancel(errClosed)
	p.work.Wait()
	p.stop()
}

var errClosed = errors.New("the publisher is closed")

// put adds an event to the open unit.
func (p *Publisher) put(ctx context.Context, e event) error {
	for {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		p.mu.Lock()
		before := p.busy[e.profile]
		switch {
		case before != nil && before != p.open:
			p.mu.Unlock()
			if err := p.await(ctx, before.done); err != nil {
				return err
			}
		case p.open == nil:
			p.mu.Unlock()
			if err := p.openUnit(ctx); err != nil {
				return err
			}
		default:
			u := p.open
			u.add(e)
			if e.profile != 0 {
				p.busy[e.profile] = u
			}
			p.mu.Unlock()
			p.tally.took()
			if u.full(int(p.size.Load())) {
				p.seal(u)
			}
			return nil
		}
	}
}

// openUnit waits for a place in the window.
func (p *Publisher) openUnit(ctx context.Context) error {
	if err := p.await(ctx, p.places); err != nil {
		return err
	}
	u := newUnit()
	p.mu.Lock()
	p.open = u
	p.mu.Unlock()
	if !p.batches {
		return nil
	}
	select {
	case p.opened <- u:
	case <-p.ctx.Done():
	}
	return nil
}

// await waits for a place, or for a unit to be done.
func (p *Publisher) await(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sealLate sends units that nobody fills up, so that a slow input does not wait for a thousand rows.
func (p *Publisher) sealLate() {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for {
		select {
		case u := <-p.opened:
			timer.Reset(linger)
			select {
			case <-timer.C:
				p.seal(u)
			case <-u.sealed:
			case <-p.ctx.Done():
				return
			}
		case <-p.ctx.Done():
			return
		}
	}
}

// seal sends the open unit: whichever it is, or the one that is meant.
func (p *Publisher) seal(meant *unit) {
	p.sending.Lock()
	defer p.sending.Unlock()
	p.mu.Lock()
	u := p.open
	if u == nil || meant != nil && u != meant {
		p.mu.Unlock()
		return
	}
	p.open = nil
	p.mu.Unlock()
	close(u.sealed)
	u.after = p.tally.reached()
	if len(u.events) == 0 {
		p.finish(u)
		return
	}
	wait, err := p.carrier.send(p.ctx, u.msgs())
	p.work.Go(func() { p.deliver(u, wait, err) })
}
