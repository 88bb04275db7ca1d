package publish

import (
	"context"
	"slices"
)

// again sends a unit once more; one that goes event by event goes on where it was.
func (p *Publisher) again(u *unit) (awaiting, error) {
	if u.single {
		return func(context.Context) (receipt, error) { return receipt{duplicate: true}, nil }, nil
	}
	return p.carrier.send(p.ctx, u.msgs())
}

// singly publishes the events of a batch one by one, under the same ids, after a try of it that was not answered: those that the
// broker has are answered as duplicates, with their sequences, so that nobody needs to read the stream for them. The next event of a
// profile follows the acknowledgement of the one before. After an error it goes on with what is left.
func (p *Publisher) singly(u *unit) error {
	if !u.single {
		u.single, u.rest = true, slices.Clone(u.events)
	}
	for len(u.rest) > 0 {
		wave := distinct(u.rest)
		kept, err := p.wave(u, u.rest[:wave])
		u.rest = append(kept, u.rest[wave:]...)
		if err != nil {
			return err
		}
	}
	return nil
}

// distinct is how many of the first events are of profiles of their own.
func distinct(events []event) int {
	seen := make(map[uint64]bool, len(events))
	for i, e := range events {
		if seen[e.profile] {
			return i
		}
		seen[e.profile] = true
	}
	return len(events)
}

// wave publishes events side by side and returns those that are not stored.
func (p *Publisher) wave(u *unit, events []event) (kept []event, failed error) {
	waits := make([]awaiting, len(events))
	for i, e := range events {
		wait, err := p.carrier.one(p.ctx, e.msg)
		if err != nil {
			failed = err
			break
		}
		waits[i] = wait
	}
	for i, e := range events {
		if waits[i] == nil {
			kept = append(kept, e)
			continue
		}
		got, err := waits[i](p.ctx)
		switch {
		case err != nil:
			failed = err
		case !got.duplicate || got.last > u.after:
			p.tally.stored(got)
			continue
		default: // somebody else's, from before our first try (H30)
			p.renew(e)
			p.tally.renewed(1)
		}
		kept = append(kept, e)
	}
	return kept, failed
}
