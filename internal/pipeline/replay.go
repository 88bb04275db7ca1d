package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/sendgrid"
)

// The states of a replay: it reads up to the cursor, then lets what it touched become due, little by
// little, so that its requests take the replay's share of the rate budget.
const (
	ReplayRunning   = "running"
	ReplaySending   = "sending"
	ReplayDone      = "done"
	ReplayCancelled = "cancelled"
)

// ErrReplayUnderWay refuses a second replay.
var ErrReplayUnderWay = errors.New("a replay is under way: wait for it, or cancel it with `consumer replay DESTINATION --cancel`")

// ErrNothingToDo refuses a command that finds nothing to act on.
var ErrNothingToDo = errors.New("there is nothing to do")

// reading reports whether the stream is being read again: what that touches is not due meanwhile.
func (s *State) reading() bool {
	return s.meta.Fill != nil || s.meta.Replay != nil && s.meta.Replay.State == ReplayRunning
}

func (s *State) replaying() bool {
	r := s.meta.Replay
	return r != nil && (r.State == ReplayRunning || r.State == ReplaySending)
}

// replayed takes over how far a replay has come. A part of one that was cancelled meanwhile changes nothing.
func (s *State) replayed(r *ledger.Replay) {
	at := s.meta.Replay
	switch {
	case r.State == ReplayCancelled:
		if s.replaying() {
			at.State = ReplayCancelled
			s.releaseTouched(r.At, s.touched.Len())
		}
	case at == nil || at.ID != r.ID:
		if !s.replaying() && r.State == ReplayRunning {
			s.meta.Replay = r
		}
	case s.replaying():
		s.meta.Replay = r
		if r.State == ReplaySending {
			s.releaseTouched(r.At, r.Release)
		}
	}
}

// refold folds a part of a replay.
func (s *State) refold(r *ledger.Refold) error {
	if !s.replaying() {
		return nil // it was cancelled meanwhile
	}
	s.filling, s.force = true, r.Force
	err := s.rows(r.At, r.Rows, false)
	s.filling, s.force = false, false
	return err
}

// releaseTouched lets a number of contacts that a re-reading touched become due, unless another re-reading
// still goes on.
func (s *State) releaseTouched(at int64, most int) {
	if s.reading() {
		return
	}
	s.at = at
	handles := slices.Clone(s.touched.Handles())
	for _, h := range handles[max(0, len(handles)-most):] {
		s.touched.Remove(h)
		if s.flight.Of(contact.Handle(h)) == nil {
			s.evaluate(contact.Handle(h), at)
		}
	}
}

// replay goes on with the replay under way, one part at a time, beside live traffic.
func (l *loop) replay(now time.Time) {
	r := l.state.meta.Replay
	if r == nil || l.replayBusy || l.stopping || now.Before(l.replayAt) {
		return
	}
	if r.ID == l.replayEnds && !l.state.replaying() {
		l.replayReceipt(r, "")
		l.replayEnds = ""
	}
	if r.ID == l.replayID && r.At < l.replaySent {
		return // the last part is not applied yet
	}
	switch r.State {
	case ReplayRunning:
		l.replayRead(r)
	case ReplaySending:
		l.replaySend(r, now)
	}
}

func (l *loop) replayRead(r *ledger.Replay) {
	names := l.opts.Binding.Segments
	if r.Segment != "" {
		names = []string{r.Segment}
	}
	in, err := l.reader(names)
	if err != nil {
		l.log.Error("the replay cannot map events", zap.Error(err))
		return
	}
	spec, chosen := *r, l.chosen
	l.replayBusy = true
	l.task(func(ctx context.Context) func() {
		part, err := in.replayPart(ctx, spec, chosen)
		l.opts.at(AtReplay)
		return func() { l.replayPart(spec, part, err) }
	})
}

// replayPart is one part of a replay, read and mapped.
type replayPart struct {
	rows   []byte
	folded uint64
	next   uint64
	chosen map[uint64]bool // profiles, where a replay ends at an earlier event
}

// replayPart reads the next part, and first who has an event up to Until, where that bounds it.
func (in *intake) replayPart(ctx context.Context, r ledger.Replay, chosen map[uint64]bool) (replayPart, error) {
	if r.Until > 0 && chosen == nil {
		var err error
		if chosen, err = in.profilesUntil(ctx, r); err != nil {
			return replayPart{}, err
		}
	}
	g, next, err := in.part(ctx, r.Position+1, r.To)
	if err != nil {
		return replayPart{}, err
	}
	p := replayPart{next: next, chosen: chosen}
	var last ledger.Row
	err = ledger.Rows(g.rows, func(row *ledger.Row) {
		if !wanted(&r, row, chosen) {
			return
		}
		p.rows = ledger.AppendRow(p.rows, &last, row)
		last.Sequence, last.Time = row.Sequence, row.Time
		p.folded++
	})
	return p, err
}

// wanted says whether a replay's filters choose the row. Refreshes and erasures were judged when they came.
func wanted(r *ledger.Replay, row *ledger.Row, chosen map[uint64]bool) bool {
	return row.Kind == ledger.RowMembership && (len(r.Profile) == 0 || bytes.Equal(row.Profile, r.Profile)) &&
		(r.Until == 0 || chosen[xxhash.Sum64(row.Profile)])
}

// profilesUntil are the profiles with an event from the replay's beginning up to Until.
func (in *intake) profilesUntil(ctx context.Context, r ledger.Replay) (map[uint64]bool, error) {
	chosen := map[uint64]bool{}
	for from := r.From; from <= r.Until; {
		g, next, err := in.part(ctx, from, min(r.Until, r.To))
		if err != nil {
			return nil, err
		}
		if err := ledger.Rows(g.rows, func(row *ledger.Row) { chosen[xxhash.Sum64(row.Profile)] = true }); err != nil {
			return nil, err
		}
		from = next
		if from > r.To {
			break
		}
	}
	return chosen, nil
}

func (l *loop) replayPart(r ledger.Replay, p replayPart, err error) {
	l.replayBusy = false
	if err != nil {
		l.replayAt = time.Now().Add(time.Second)
		l.log.Warn("the replay cannot read the stream; it is tried again", zap.Error(err))
		return
	}
	l.chosen = p.chosen
	now := time.Now()
	r.At, r.Position, r.Folded = max(now.UnixNano(), r.At+1), p.next-1, r.Folded+p.folded
	if len(p.rows) > 0 {
		l.outbox = append(l.outbox, &ledger.Refold{At: r.At, Force: r.Force, Rows: p.rows})
	}
	if r.Position >= r.To {
		r.State, l.chosen = ReplaySending, nil
	}
	l.replayID, l.replaySent = r.ID, r.At
	l.outbox = append(l.outbox, &r)
}

// replaySend lets the next contacts become due once the last ones were sent, as often as the replay's share of
// the rate budget allows, and ends the replay with the last ones.
func (l *loop) replaySend(r *ledger.Replay, now time.Time) {
	left := l.state.touched.Len()
	if left > 0 && l.state.meta.Paused {
		return
	}
	l.opts.at(AtReplaySend)
	next := *r
	next.At, next.Release = max(now.UnixNano(), r.At+1), l.opts.Batch.MaxContacts
	next.Touched += uint64(min(left, next.Release))
	if left == 0 {
		next.State, next.Release = ReplayDone, 0
		l.replayEnds = r.ID
	}
	l.replayID, l.replaySent = next.ID, next.At
	l.outbox = append(l.outbox, &next)
	l.replayAt = now.Add(l.pace(r.Share))
}

// pace is how long a replay waits between two requests' worth of contacts.
func (l *loop) pace(share float64) time.Duration {
	b := l.opts.Prober.Budget(sendgrid.RouteUpsert)
	if b.Limit <= 0 || share <= 0 {
		return 0
	}
	return l.opts.Policy.scaled(time.Duration(float64(time.Minute) / (float64(b.Limit) * share)))
}

func (l *loop) replayReceipt(r *ledger.Replay, reason string) {
	l.publishReceipt("replay", map[string]any{
		"replay": r.ID, "from_sequence": r.From, "to_sequence": r.To, "events": r.Folded, "contacts": r.Touched, "forced": r.Force,
		"reason": reason, "took_ms": max(0, (time.Now().UnixNano()-r.Started)/int64(time.Millisecond)),
	})
}

// Replay starts a replay. The record's At, To, Position and State are set here.
func (d *Destination) Replay(ctx context.Context, rec ledger.Command, r ledger.Replay) (ledger.Replay, error) {
	var err error
	asked := d.inside(ctx, func(l *loop) {
		if l.state.replaying() {
			err = ErrReplayUnderWay
			return
		}
		r.Started = time.Now().UnixNano()
		r.At, r.To, r.State = r.Started, l.state.meta.Cursor, ReplayRunning
		r.ID = fmt.Sprintf("r%d-%d", l.state.meta.Epoch, len(l.state.meta.Commands)+1)
		if r.From = max(r.From, 1); r.From > r.To {
			err = fmt.Errorf("%w: nothing was taken over from event %d on, the cursor is at %d", ErrNothingToDo, r.From, r.To)
		}
		r.Position = r.From - 1
	})
	if err = errors.Join(asked, err); err != nil {
		return r, err
	}
	rec.Name = "replay"
	return r, d.Do(ctx, rec, &r)
}

// CancelReplay ends the replay under way: what it has folded stays folded, and what it touched becomes due.
func (d *Destination) CancelReplay(ctx context.Context, rec ledger.Command) (ledger.Replay, error) {
	var at *ledger.Replay
	if err := d.Ask(ctx, func(s *State) {
		if s.replaying() {
			copied := *s.meta.Replay
			at = &copied
		}
	}); err != nil {
		return ledger.Replay{}, err
	}
	if at == nil {
		return ledger.Replay{}, fmt.Errorf("%w: no replay is under way", ErrNothingToDo)
	}
	rec.Name = "replay-cancel"
	if err := d.Do(ctx, rec, &ledger.Replay{ID: at.ID, At: time.Now().UnixNano(), State: ReplayCancelled}); err != nil {
		return *at, err
	}
	at.State = ReplayCancelled
	return *at, d.inside(ctx, func(l *loop) { l.replayReceipt(at, "cancelled") })
}
