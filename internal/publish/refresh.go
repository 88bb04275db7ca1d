package publish

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"rollcall/internal/segment"
)

// Rows is a sequence of rows that stops at yield's error and returns it, or its own.
type Rows func(yield func(Row) error) error

// Refresh publishes a whole segment and then the event that says so: whoever was last seen before has left. That event is published
// only when every row is acknowledged. Where a row was refused, or rows fails, or there is none and Options.AllowEmpty does not say that
// this is meant, it is not: who is missing among the rows would be removed. rows may go on after a *RowError of yield's; the others are published, and ErrRefused is returned.
//
// It remembers a hash of every profile, some 16 to 32 bytes each, to count each once.
func (p *Publisher) Refresh(ctx context.Context, segmentID string, rows Rows) (Summary, error) {
	if sum, err := p.Flush(ctx); err != nil {
		return sum, err
	}
	p.tally.mark()
	count, err := membersOf(segmentID, p.seed, p.opts.AllowEmpty, rows, func(row Row) error { return p.Publish(ctx, row) })
	sum, flushErr := p.Flush(ctx)
	if err == nil {
		err = flushErr
	}
	if err != nil {
		return sum, fmt.Errorf("refresh segment %s, its end is not published: %w", segmentID, err)
	}
	return p.end(ctx, segmentID, count)
}

// ErrRefused says that rows of a refresh could not be published, so that its end is not either.
var ErrRefused = errors.New("rows were refused (correct them and refresh again)")

// ErrEmpty says that a refresh had no row, so that its end is not published either.
var ErrEmpty = errors.New("there is no row: ended like this, everybody would leave the segment (where that is meant, say --allow-empty)")

// membersOf publishes the rows of a refresh and counts its distinct profiles.
func membersOf(segmentID string, seed maphash.Seed, empty bool, rows Rows, publish func(Row) error) (count int, err error) {
	profiles, refused := newHashSet(), 0
	err = rows(func(row Row) error {
		err := isMember(segmentID, row)
		if err == nil {
			err = publish(row)
		}
		var bad *RowError
		switch {
		case err == nil:
			profiles.add(maphash.String(seed, row.Profile))
		case errors.As(err, &bad):
			refused++
		}
		return err
	})
	switch {
	case err != nil:
	case refused > 0:
		err = ErrRefused
	case profiles.len() == 0 && !empty:
		err = ErrEmpty
	}
	return profiles.len(), err
}

func isMember(segmentID string, row Row) error {
	switch {
	case row.Segment != segmentID:
		return &RowError{segment.ReasonSchema, "segment_id is not the refreshed segment"}
	case row.Change != segment.Entered:
		return &RowError{segment.ReasonSchema, "change is not entered: a refresh names the segment's members"}
	}
	return nil
}

// end publishes the refreshed event.
func (p *Publisher) end(ctx context.Context, segmentID string, count int) (Summary, error) {
	first := p.tally.mark()
	if first == 0 { // a segment without members
		last, err := p.carrier.last(ctx)
		if err != nil {
			return Summary{}, fmt.Errorf("refresh segment %s: %w", segmentID, err)
		}
		first = last + 1
	}
	e, err := p.refreshed(segmentID, first, uint64(count))
	if err != nil {
		return Summary{}, fmt.Errorf("refresh segment %q: %w", segmentID, err)
	}
	if err := p.put(ctx, e); err != nil {
		return Summary{}, fmt.Errorf("publish the end of the refresh of segment %s: %w", segmentID, err)
	}
	sum, err := p.Flush(ctx)
	sum.RefreshedSequence, sum.FirstSequence, sum.Count = sum.Last, first, uint64(count)
	if err != nil {
		return sum, fmt.Errorf("publish the end of the refresh of segment %s: %w", segmentID, err)
	}
	return sum, nil
}

// Erase publishes that a profile is to be forgotten, with addresses of the person that the engine knows of. It takes its turn among
// the profile's events, as Publish does.
func (p *Publisher) Erase(ctx context.Context, profile string, emails []string) error {
	e, err := p.erased(profile, emails)
	if err != nil {
		return err
	}
	return p.put(ctx, e)
}

// hashSet counts distinct hashes, at 8 bytes a place. Two profiles of one hash count as one: a refresh's count may be too low, which
// weakens its check by one, and never too high, which would refuse it.
type hashSet struct {
	places []uint64 // 0 is empty
	n      int
}

func newHashSet() *hashSet { return &hashSet{places: make([]uint64, 1024)} }

func (s *hashSet) len() int { return s.n }

func (s *hashSet) add(hash uint64) {
	hash = max(hash, 1)
	if 4*s.n >= 3*len(s.places) {
		old := s.places
		s.places, s.n = make([]uint64, 2*len(old)), 0
		for _, h := range old {
			if h != 0 {
				s.add(h)
			}
		}
	}
	for i := hash; ; i++ {
		switch place := &s.places[i&uint64(len(s.places)-1)]; *place {
		case 0:
			*place = hash
			s.n++
			return
		case hash:
			return
		}
	}
}
