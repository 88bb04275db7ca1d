package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/internal/ledger/record"
)

// The answers to a command or a question that was not done.
var (
	// ErrNotActive says that the destination does not run here (any more).
	ErrNotActive = errors.New("the destination is not active on this replica")
	// ErrChanged says that what an approval names is not what is held now.
	ErrChanged = errors.New("what is held has changed since it was shown")
	// ErrUnderWay says that the same command of somebody else is being committed.
	ErrUnderWay = errors.New("the same command is under way")
)

// command is an operator's word on its way to the loop.
type command struct {
	record  record.Command
	records []record.Record // what it changes besides, in the same entry
	reply   chan error      // holds one
}

// awaited is a command that was put into the next entry.
type awaited struct {
	name  string
	at    int64
	reply chan error
}

// Do gives the destination an operator's command. It returns once the entry that holds it is committed
// and applied: by then a reader sees its effect. An error that is neither ErrChanged nor ErrUnderWay
// leaves open whether it was done.
func (d *Destination) Do(ctx context.Context, rec record.Command, with ...record.Record) error {
	return d.send(ctx, command{record: rec, records: with, reply: make(chan error, 1)})
}

func (d *Destination) send(ctx context.Context, c command) error {
	select {
	case d.commands <- c:
	case <-d.ended:
		return d.inactive()
	case <-ctx.Done():
		return fmt.Errorf("%w (%w)", d.inactive(), ctx.Err())
	}
	select {
	case err := <-c.reply:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the command was taken and is not committed yet: %w", ctx.Err())
	}
}

func (d *Destination) inactive() error {
	return fmt.Errorf("destination %s: %w", d.opts.Destination, ErrNotActive)
}

// command puts an operator's word into the next entry.
func (l *loop) command(c command) {
	rec := c.record
	if err := l.refusal(&rec); err != nil {
		c.reply <- err
		return
	}
	rec.At = l.moment()
	if rec.Name == "resume" {
		l.planOpen("an operator resumed the destination")
		l.health.Ask()
	}
	l.outbox = append(append(l.outbox, c.records...), &rec)
	l.awaited = append(l.awaited, awaited{name: rec.Name, at: rec.At, reply: c.reply})
}

// refusal says why a command makes no sense now. An approval is for what was shown: another operator may
// have approved it meanwhile, or more may be held.
func (l *loop) refusal(rec *record.Command) error {
	switch rec.Name {
	case "approve":
	case replayCommand, cancelCommand:
		return l.replayRefusal(rec.Name)
	default:
		return nil
	}
	if l.awaits(rec.Name) {
		return ErrUnderWay
	}
	held := l.state.Held()
	if rec.Digest != "" && (rec.Digest != held.Digest || rec.Count != held.Count) {
		return fmt.Errorf("%w: %d contacts with digest %s are held now", ErrChanged, held.Count, held.Digest)
	}
	rec.Count = held.Count
	return nil
}

// awaits reports whether the same command of somebody else is on its way into the ledger.
func (l *loop) awaits(name string) bool {
	return slices.ContainsFunc(l.awaited, func(a awaited) bool { return a.name == name })
}

// moment is now, and later than every command before: a command is known by it.
func (l *loop) moment() int64 {
	at := l.now().UnixNano()
	if n := len(l.state.Meta.Commands); n > 0 {
		at = max(at, l.state.Meta.Commands[n-1].At+1)
	}
	if n := len(l.awaited); n > 0 {
		at = max(at, l.awaited[n-1].at+1)
	}
	return at
}

// told answers the commands whose entry was applied.
func (l *loop) told() {
	n := len(l.state.Meta.Commands)
	for len(l.awaited) > 0 && n > 0 && l.state.Meta.Commands[n-1].At >= l.awaited[0].at {
		l.publish() // who asks next how the destination stands sees what the command did
		l.awaited[0].reply <- nil
		l.awaited = l.awaited[1:]
	}
}

// untold answers those that the loop's end left behind.
func (l *loop) untold() {
	for _, a := range l.awaited {
		a.reply <- fmt.Errorf("%w: whether the command was committed shows in `consumer ledger commands %s`", l.inactive(), l.opts.Destination)
	}
	l.awaited = nil
}
