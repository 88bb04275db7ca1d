package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// unit is what is published together: an atomic batch, or one event.
type unit struct {
	events []event
	bytes  int
	after  uint64        // a sequence that the stream had reached before its first try
	rest   []event       // what is not stored yet, once the unit goes event by event
	single bool          // it does
	sealed chan struct{} // closed when nothing is added any more
	done   chan struct{} // closed when it is acknowledged
}

func newUnit() *unit { return &unit{sealed: make(chan struct{}), done: make(chan struct{})} }

func (u *unit) add(e event) {
	u.events = append(u.events, e)
	u.bytes += len(e.msg.Data)
}

func (u *unit) full(size int) bool { return len(u.events) >= size || u.bytes >= maxBatchBytes }

func (u *unit) msgs() []*nats.Msg {
	msgs := make([]*nats.Msg, len(u.events))
	for i, e := range u.events {
		msgs[i] = e.msg
	}
	return msgs
}

// deliver waits for the answer to a unit's first try and tries again until it is stored, for as long as the publisher's patience lasts.
func (p *Publisher) deliver(u *unit, wait awaiting, err error) {
	if p.stored(u, wait, err) {
		p.finish(u)
	}
}

// stored reports whether the unit came to be stored; where it was not, the publication has ended.
func (p *Publisher) stored(u *unit, wait awaiting, err error) bool {
	begun, doubt := time.Now(), false // doubt: an earlier try may have been stored without our hearing of it
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		var got receipt
		if err == nil {
			got, err = wait(p.ctx)
		}
		stored := false
		if err == nil {
			stored, err = p.judge(u, got, doubt)
		}
		switch {
		case stored:
			return true
		case p.ctx.Err() != nil:
			return false
		case err == nil:
			doubt = false // under new ids there was no try yet
		case code(err) == codeBatchTooLarge && len(u.events) > 1:
			return p.halved(u)
		default:
			if err := p.opts.giveUp(u, err, time.Since(begun)); err != nil {
				p.cancel(err)
				return false
			}
			doubt = doubt || !notStored(err)
			if !sleep(p.ctx, pause) {
				return false
			}
		}
		p.tally.retried()
		wait, err = p.again(u)
	}
}

// halved publishes a unit in two, one after the other, because this broker takes no batch of so many events; it stored none of
// it. The units that follow are no larger.
func (p *Publisher) halved(u *unit) bool {
	half := len(u.events) / 2
	for size := p.size.Load(); size > int64(half) && !p.size.CompareAndSwap(size, int64(half)); size = p.size.Load() {
	}
	for _, events := range [][]event{u.events[:half], u.events[half:]} {
		part := &unit{events: events, after: u.after}
		p.tally.retried()
		if wait, err := p.carrier.send(p.ctx, part.msgs()); !p.stored(part, wait, err) {
			return false
		}
	}
	return true
}

// judge says whether an answer means that the unit is stored. Where the broker knows the ids it may be an earlier try of ours, whose
// answer was lost. It is no publication where there was none (H30): then the events get new ids.
func (p *Publisher) judge(u *unit, got receipt, doubt bool) (stored bool, err error) {
	switch {
	case !got.duplicate:
		p.tally.acknowledged(u, got.last, 0)
		return true, nil
	case doubt && got.last == 0: // of a batch it is not told which
		err := p.singly(u)
		return err == nil, err
	case doubt && got.last > u.after:
		p.tally.acknowledged(u, got.last, len(u.events))
		return true, nil
	}
	for _, e := range u.events {
		p.renew(e)
	}
	p.tally.renewed(len(u.events))
	return false, nil
}

// finish lets the next events of the unit's profiles go, and gives its place back.
func (p *Publisher) finish(u *unit) {
	p.mu.Lock()
	for _, e := range u.events {
		if p.busy[e.profile] == u {
			delete(p.busy, e.profile)
		}
	}
	p.mu.Unlock()
	close(u.done)
	p.places <- struct{}{}
}

// giveUp says why a failed try is not repeated; nil where it is.
func (o Options) giveUp(u *unit, err error, tried time.Duration) error {
	var permanent *permanentError
	switch {
	case errors.As(err, &permanent):
		return fmt.Errorf("publish to stream %s: %w", o.Stream, err)
	case tried > o.Patience:
		return fmt.Errorf("publish to stream %s: no acknowledgement of %d events after %s, they may be stored or not: %w (is the broker up? publishing again is safe)",
			o.Stream, len(u.events), o.Patience, err)
	}
	return nil
}

// sleep waits between two tries; false where the publication ends meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
