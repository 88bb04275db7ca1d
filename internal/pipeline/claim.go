package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/state"
)

// open loads the ledger and claims it.
func (l *loop) open(ctx context.Context) error {
	o := &l.opts
	s := state.NewState(o.Policy, o.Salt)
	_, err := o.Journal.Load(ctx, s.Read, func(_ uint64, body []byte) error { return s.Apply(body) })
	if err != nil {
		return fmt.Errorf("load the ledger of %s: %w", o.Destination, err)
	}
	if err := l.resolveFields(s); err != nil { // the mapping is part of the binding that is judged
		return err
	}
	if err := l.bound(ctx, s); err != nil {
		return err
	}
	l.tellMissing()
	entry := record.AppendRecord(record.NewEntry(nil), l.claim(s, l.now()))
	if l.encoder, err = mapping.New(l.spec); err != nil {
		return fmt.Errorf("destination %s: %w", o.Destination, err)
	}
	o.at(AtLoaded)
	if _, err := o.Journal.Append(ctx, entry); err != nil {
		return fmt.Errorf("claim the ledger of %s: %w", o.Destination, err)
	}
	o.at(AtClaimed)
	if err := s.Apply(entry); err != nil {
		return err
	}
	return l.begin(ctx, s)
}

// claim makes the entry by which this replica becomes active. What it decides of the configuration's changes
// stands in it, so that the fold needs no configuration.
func (l *loop) claim(s *state.State, now time.Time) *record.Claim {
	o := &l.opts
	c := &record.Claim{
		Epoch: s.Meta.Epoch + 1, Replica: o.Replica, ConfigHash: o.ConfigHash, Revision: o.Revision,
		At: now.UnixNano(), Until: now.Add(o.Policy.Timeout + o.Policy.Scaled(o.Policy.Horizon)).UnixNano(),
		Binding: o.Binding, Timing: record.Timing{
			Quiet: int64(o.Policy.Window.Quiet), MaxWait: int64(o.Policy.Window.MaxWait), Guard: int64(o.Policy.Guard.Interval),
			MinRemovals: o.Policy.Guard.MinRemovals, MaxShare: o.Policy.Guard.MaxShare,
		},
	}
	if dropped(&l.stream, s.Meta.Cursor, 0) {
		c.Lost = &record.Lost{From: s.Meta.Cursor + 1, To: l.stream.FirstSeq - 1}
		l.log.Error("events lost: the stream dropped some before they were folded; removals wait until a refresh of each segment was accepted",
			zap.Uint64("from", c.Lost.From), zap.Uint64("to", c.Lost.To))
	}
	l.spec, c.Fields = l.resolved.Numbered(s.Meta.Claim.Fields)
	c.Mapped = l.spec.Mapped()
	var gone []uint16
	for _, name := range append(slices.Clone(s.Meta.Claim.Binding.Segments), s.Meta.Claim.Keep...) {
		if n, known := s.Roster.Segment(name); known && !slices.Contains(o.Binding.Segments, name) {
			gone = append(gone, n)
			c.Keep = append(c.Keep, name)
		}
	}
	if n := s.Roster.Drops(gone, s.IsListed); n == 0 || n <= s.Book.Room(c.At, o.Policy.Guard, s.Passed.Len()) {
		c.Keep = nil
	}
	return c
}

// begin takes up the work where the ledger left it.
func (l *loop) begin(ctx context.Context, s *state.State) error {
	o := &l.opts
	s.Counts = state.Stats{}
	s.Applied = func(op contact.Operation, since, at int64) {
		o.Observer.Applied(op, time.Duration(at)-time.Duration(since)*time.Millisecond)
	}
	s.Accepted = func(op contact.Operation, since, at int64) {
		o.Observer.Accepted(op, time.Duration(at)-time.Duration(since)*time.Millisecond)
	}
	l.state = s
	l.cursor = s.Meta.Cursor
	var err error
	if l.intaker, err = l.reader(o.Binding.Segments); err != nil {
		return err
	}
	now := l.now()
	for _, b := range s.Flight.Open() {
		l.follow(b, now)
	}
	l.log.Info("active", zap.Uint64("epoch", s.Meta.Epoch), zap.Uint64("cursor", s.Meta.Cursor),
		zap.Int("listed", s.Book.Listed()), zap.Int("open_batches", s.Flight.Len()))
	if err := o.Source.Reset(ctx, s.Meta.Cursor+1); err != nil {
		return err
	}
	o.at(AtReset)
	at, there, err := o.Stream.InspectConsumer(ctx, o.Binding.Stream, o.Destination)
	if err != nil {
		return fmt.Errorf("destination %s: %w", o.Destination, err)
	}
	l.pending, l.caughtUp = at.Pending, there && at.Pending == 0
	if err := l.beginCatchUp(ctx); err != nil {
		return err
	}
	if err := l.endOfRebased(ctx); err != nil {
		return fmt.Errorf("destination %s: %w", o.Destination, err)
	}
	if o.Claimed != nil {
		o.Claimed()
	}
	return nil
}

// bound checks the target and the stream against what the ledger was built from.
func (l *loop) bound(ctx context.Context, s *state.State) error {
	o := &l.opts
	st, err := o.Stream.InspectStream(ctx, o.Binding.Stream)
	if err != nil {
		return fmt.Errorf("destination %s: %w", o.Destination, err)
	}
	l.stream = st
	o.Binding.StreamCreated = st.Created.UnixNano()
	if err := Whole(ctx, o.Stream, o.Destination, o.Binding.Stream, o.Journal.Tail()); err != nil || s.Meta.Epoch == 0 {
		return err
	}
	if o.Admit != nil {
		if err := o.Admit(s.Meta.Claim, o.Binding); err != nil {
			return fmt.Errorf("destination %s: %w", o.Destination, err)
		}
	}
	if err := SameTarget(s.Meta.Claim.Binding, o.Binding); err != nil {
		return fmt.Errorf("destination %s: %w", o.Destination, err)
	}
	if err := Joins(ctx, o.Stream, &st, s); err != nil {
		return fmt.Errorf("destination %s: %w", o.Destination, err)
	}
	return nil
}
