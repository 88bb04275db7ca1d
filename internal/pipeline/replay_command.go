package pipeline

import (
	"context"
	"errors"
	"fmt"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// ErrReplayUnderWay refuses a second replay.
var ErrReplayUnderWay = errors.New("a replay is under way: wait for it, or cancel it with `consumer replay DESTINATION --cancel`")

// ErrNothingToDo refuses a command that finds nothing to act on.
var ErrNothingToDo = errors.New("there is nothing to do")

// The names of the commands, as the ledger notes them.
const (
	replayCommand = "replay"
	cancelCommand = "replay-cancel"
)

// replayRefusal says why a replay cannot start or end now: of operators who ask at once one is done.
func (l *loop) replayRefusal(name string) error {
	switch {
	case name == replayCommand && (l.state.Replaying() || l.awaits(replayCommand)):
		return ErrReplayUnderWay
	case name == cancelCommand && (!l.state.Replaying() || l.awaits(cancelCommand)):
		return fmt.Errorf("%w: no replay is under way", ErrNothingToDo)
	}
	return nil
}

// Replay starts a replay. The record's At, To, Position and State are set here.
func (d *Destination) Replay(ctx context.Context, rec record.Command, r record.Replay) (record.Replay, error) {
	var err error
	asked := d.inside(ctx, func(l *loop) {
		if l.state.Replaying() {
			err = ErrReplayUnderWay
			return
		}
		r.Started = d.now().UnixNano()
		r.At, r.To, r.State = r.Started, l.state.Meta.Cursor, state.ReplayRunning
		r.ID = l.state.ReplayID()
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
func (d *Destination) CancelReplay(ctx context.Context, rec record.Command) (record.Replay, error) {
	var at *record.Replay
	if err := d.Ask(ctx, func(s *state.State) {
		if s.Replaying() {
			copied := *s.Meta.Replay
			at = &copied
		}
	}); err != nil {
		return record.Replay{}, err
	}
	if at == nil {
		return record.Replay{}, fmt.Errorf("%w: no replay is under way", ErrNothingToDo)
	}
	rec.Name = cancelCommand
	if err := d.Do(ctx, rec, &record.Replay{ID: at.ID, At: d.now().UnixNano(), State: state.ReplayCancelled}); err != nil {
		return *at, err
	}
	return *at, d.inside(ctx, func(l *loop) {
		if r := l.state.Meta.Replay; r != nil && r.ID == at.ID && r.State == state.ReplayCancelled {
			*at = *r
			at.At = d.now().UnixNano()
		}
	})
}
