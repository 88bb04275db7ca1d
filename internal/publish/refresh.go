package publish

import (
	"context"
	"errors"
	"fmt"

	"rollcall/internal/segment"
)

// Rows is a sequence of rows that stops at yield's error and returns it, or its own.
type Rows func(yield func(Row) error) error

// Refresh publishes a whole segment and then the event that says so: whoever was last seen before has left. That event is published
// only when every row is acknowledged. Where a row was refused, or rows fails, or there is none and Options.AllowEmpty does not say that
// this is meant, it is not: who is missing among the rows would be removed. rows may go on after a *RowError of yield's; the others are published, and ErrRefused is returned.
//
// To count each profile once it remembers hashes, which go to a temporary file beyond a quarter of a million rows.
func (p *Publisher) Refresh(ctx context.Context, segmentID string, rows Rows) (Summary, error) {
	if sum, err := p.Flush(ctx); err != nil {
		return sum, err
	}
	p.tally.mark()
	count, err := membersOf(segmentID, p.opts.AllowEmpty, rows, func(row Row) error { return p.Publish(ctx, row) })
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

// countedInMemory is how many rows of a refresh are remembered before they go to a temporary file.
const countedInMemory = 1 << 18

// membersOf publishes the rows of a refresh and counts its distinct profiles.
func membersOf(segmentID string, empty bool, rows Rows, publish func(Row) error) (count int, err error) {
	profiles, refused := NewDifferences(), 0
	profiles.most = countedInMemory
	defer func() { err = errors.Join(err, profiles.Close()) }()
	err = rows(func(row Row) error {
		err := isMember(segmentID, row)
		if err == nil {
			err = publish(row)
		}
		var bad *RowError
		switch {
		case err == nil:
			return profiles.Add(Row{Profile: row.Profile}, Place{})
		case errors.As(err, &bad):
			refused++
		}
		return err
	})
	if _, countErr := profiles.Find(func(Difference) {}); err == nil {
		err = countErr
	}
	switch {
	case err != nil:
	case refused > 0:
		err = ErrRefused
	case profiles.Profiles() == 0 && !empty:
		err = ErrEmpty
	}
	return profiles.Profiles(), err
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
