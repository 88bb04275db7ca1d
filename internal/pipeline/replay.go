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
			s.meta.Tally = s.closed(r.At)
			at.State = ReplayCancelled
			s.abandon(r.At)
		}
	case at == nil || at.ID != r.ID:
		if !s.replaying() && r.State == ReplayRunning {
			s.meta.Replay, s.meta.Tally = r, &Tally{Slots: s.book.Slots()}
		}
	case s.replaying():
		s.progress(at, r)
	}
}

// progress takes over a part of the replay under way.
func (s *State) progress(at, r *ledger.Replay) {
	r.Touched = at.Touched
	switch {
	case r.State == ReplayDone:
		s.meta.Tally = s.closed(r.At)
		s.meta.Replay = r
		for _, h := range slices.Clone(s.bulk.released.Handles()) {
			s.stays(contact.Handle(h)) // those that wait, are held or refused: they are live traffic's from now on
		}
	case at.State == ReplayRunning && r.State == ReplaySending:
		s.meta.Replay = r
		s.readAgain(r.At)
	default:
		s.meta.Replay = r
		if r.Release > 0 {
			s.release(&ledger.LetGo{At: r.At, Most: r.Release})
		}
	}
}

// refold folds a part of a replay. What came after it was planned is folded as well, and is no part of the plan.
func (s *State) refold(r *ledger.Refold) error {
	if !s.replaying() {
		return nil // it was cancelled meanwhile
	}
	s.at = r.At
	s.roster.At(r.At / int64(time.Second))
	s.filling = true
	err := ledger.Rows(r.Rows, func(row *ledger.Row) {
		if s.later(row) {
			s.row(row)
			return
		}
		if !s.roster.Current(row.Profile, row.Segment, row.Sequence) {
			s.tally(func(t *Tally) { t.Overtaken++ })
			return
		}
		touched := s.bulk.touched.Len()
		s.force = r.Force
		s.row(row)
		s.force = false
		s.tally(func(t *Tally) {
			switch {
			case row.Bad:
				t.Bad++
			case s.bulk.touched.Len() == touched:
				t.NoOps++
			}
		})
	})
	s.filling = false
	return err
}

// later reports whether a row of the replay under way came after it was planned.
func (s *State) later(row *ledger.Row) bool {
	planned := s.meta.Replay.Planned
	return planned > 0 && row.Sequence > planned
}

// sorted takes out of a part of a replay the rows that a newer event has overtaken, and counts all of them.
func (s *State) sorted(r *ledger.Replay, rows []byte) (kept []byte, err error) {
	var last ledger.Row
	planned := r.Planned
	if planned == 0 {
		planned = r.To
	}
	err = ledger.Rows(rows, func(row *ledger.Row) {
		later := row.Sequence > planned
		if later {
			r.Later++
		} else {
			r.Folded++
		}
		if s.roster.Current(row.Profile, row.Segment, row.Sequence) {
			kept = ledger.AppendRow(kept, &last, row)
			last.Sequence, last.Time = row.Sequence, row.Time
			return
		}
		switch {
		case later:
		case s.roster.Latest(row.Profile, row.Segment) > planned:
			r.Overtaken++
		default:
			r.Superseded++
		}
	})
	return kept, err
}

// replay goes on with the replay under way, one part at a time, beside live traffic.
func (l *loop) replay(now time.Time) {
	r := l.state.meta.Replay
	if r == nil || l.replayBusy || l.stopping || now.Before(l.replayAt) {
		return
	}
	if r.ID == l.replayID && r.At < l.replaySent {
		return // the last part is not applied yet
	}
	switch r.State {
	case ReplayRunning:
		l.replayRead(r)
	case ReplaySending:
		l.replayEnd(r, now)
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
	rows, err := l.state.sorted(&r, p.rows)
	if err != nil {
		l.log.Error("the replay's rows cannot be read", zap.Error(err)) // they were encoded a moment ago
		return
	}
	now := time.Now()
	r.At, r.Position = max(now.UnixNano(), r.At+1), p.next-1
	if len(rows) > 0 {
		l.outbox = append(l.outbox, &ledger.Refold{At: r.At, Force: r.Force, Rows: rows})
	}
	if r.Position >= r.To {
		r.State, l.chosen = ReplaySending, nil
	}
	l.replayID, l.replaySent = r.ID, r.At
	l.outbox = append(l.outbox, &r)
}

// replayEnd ends a replay whose last contact has come to its end: first its receipt, so that no crash loses it.
func (l *loop) replayEnd(r *ledger.Replay, now time.Time) {
	l.replayAt = now.Add(linger)
	if l.state.bulk.touched.Len() > 0 || l.letGoAt > l.state.bulk.letGo || l.state.underWay() > 0 {
		return
	}
	l.opts.at(AtReplaySend)
	next := *r
	next.At, next.State, next.Release = max(now.UnixNano(), r.At+1), ReplayDone, 0
	receipt := l.replayReceipt(&next, l.state.closed(next.At), "")
	l.replayBusy = true
	l.task(func(ctx context.Context) func() {
		err := receipt(ctx)
		return func() {
			l.replayBusy = false
			if err != nil {
				l.replayAt = time.Now().Add(time.Second)
				l.log.Warn("the replay's receipt cannot be stored; it is tried again", zap.Error(err))
				return
			}
			l.replayID, l.replaySent = next.ID, next.At
			l.outbox = append(l.outbox, &next)
		}
	})
}

// replayReceipt returns what publishes a replay's receipt.
func (l *loop) replayReceipt(r *ledger.Replay, t *Tally, reason string) func(context.Context) error {
	fields := map[string]any{
		"replay": r.ID, "from_sequence": r.From, "to_sequence": r.To, "events": r.Folded, "contacts": r.Touched, "forced": r.Force,
		"reason": reason, "took_ms": max(0, (r.At-r.Started)/int64(time.Millisecond)),
	}
	if o := outcomeOf(r, t); o != nil {
		fields["outcome"] = o
	}
	return l.receiptOf("replay", fields)
}

// The names of the commands, as the ledger notes them.
const (
	replayCommand = "replay"
	cancelCommand = "replay-cancel"
)

// replayRefusal says why a replay cannot start or end now: of operators who ask at once one is done.
func (l *loop) replayRefusal(name string) error {
	switch {
	case name == replayCommand && (l.state.replaying() || l.awaits(replayCommand)):
		return ErrReplayUnderWay
	case name == cancelCommand && (!l.state.replaying() || l.awaits(cancelCommand)):
		return fmt.Errorf("%w: no replay is under way", ErrNothingToDo)
	}
	return nil
}

// replayID is a name that no replay of the ledger had before.
func (s *State) replayID() string {
	n := len(s.meta.Commands) + 1
	if last := s.meta.Replay; last != nil {
		var epoch uint64
		var before int
		if _, err := fmt.Sscanf(last.ID, "r%d-%d", &epoch, &before); err == nil && epoch == s.meta.Epoch {
			n = max(n, before+1) // only the last commands are kept
		}
	}
	return fmt.Sprintf("r%d-%d", s.meta.Epoch, n)
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
		r.ID = l.state.replayID()
		if r.From = max(r.From, 1); r.From > r.To {
			err = fmt.Errorf("%w: nothing was taken over from event %d on, the cursor is at %d", ErrNothingToDo, r.From, r.To)
		}
		r.Position = r.From - 1
	})
	if err = errors.Join(asked, err); err != nil {
		return r, err
	}
	rec.Name = replayCommand
	return r, d.Do(ctx, rec, &r)
}

// CancelReplay ends the replay under way: what it has folded stays folded, and is owed; what only a forced one wanted
// is not sent any more.
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
	rec.Name = cancelCommand
	if err := d.Do(ctx, rec, &ledger.Replay{ID: at.ID, At: time.Now().UnixNano(), State: ReplayCancelled}); err != nil {
		return *at, err
	}
	return *at, d.inside(ctx, func(l *loop) {
		if r := l.state.meta.Replay; r != nil && r.ID == at.ID && r.State == ReplayCancelled {
			*at = *r
			at.At = time.Now().UnixNano()
			receipt := l.replayReceipt(at, l.state.meta.Tally, "cancelled")
			l.task(func(ctx context.Context) func() {
				if err := receipt(ctx); err != nil {
					l.log.Warn("the replay's receipt cannot be stored", zap.Error(err))
				}
				return nil
			})
		}
	})
}
