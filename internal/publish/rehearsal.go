package publish

import (
	"context"
	"errors"

	"rollcall/internal/broker"
)

// Rehearsal does what a Publisher does, judges the same rows the same, and publishes nothing.
type Rehearsal struct {
	*encoder
	observe    func(Progress)
	allowEmpty bool
	sum        Summary
}

// Rehearse looks at the stream as Open does. One that Open would create needs not be there.
func Rehearse(ctx context.Context, conn *broker.Conn, o Options) (*Rehearsal, error) {
	create := o.Create
	o.Create = false
	o, err := o.defaults()
	if err != nil {
		return nil, err
	}
	state, err := look(ctx, conn, o)
	if create && errors.Is(err, broker.ErrStreamMissing) {
		state, err = broker.StreamState{Keyed: true}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Rehearsal{encoder: newEncoder(o.Source, state.Keyed), observe: o.Observe, allowEmpty: o.AllowEmpty}, nil
}

// Publish judges a row.
func (r *Rehearsal) Publish(_ context.Context, row Row) error {
	_, err := r.membership(row)
	return r.count(err)
}

// Erase judges an erasure.
func (r *Rehearsal) Erase(_ context.Context, profile string, emails []string) error {
	_, err := r.erased(profile, emails)
	return r.count(err)
}

func (r *Rehearsal) count(err error) error {
	if err != nil {
		return err
	}
	r.sum.Rows++
	if r.observe != nil {
		r.observe(r.sum.Progress)
	}
	return nil
}

// Refresh judges the rows of a whole segment.
func (r *Rehearsal) Refresh(ctx context.Context, segmentID string, rows Rows) (Summary, error) {
	count, err := membersOf(segmentID, r.allowEmpty, rows, func(row Row) error { return r.Publish(ctx, row) })
	if err == nil {
		_, err = r.refreshed(segmentID, 1, uint64(count))
	}
	r.sum.Count = uint64(count)
	return r.sum, err
}

// Flush says what came of it; nothing is stored.
func (r *Rehearsal) Flush(context.Context) (Summary, error) { return r.sum, nil }

// Close does nothing.
func (r *Rehearsal) Close() {}
