package pipeline

import (
	"context"
	"fmt"

	"rollcall/internal/state"
)

// question is a reader's look at the state, made by the loop.
type question struct {
	look func(*loop)
	done chan struct{}
}

func (q question) answer(l *loop) {
	q.look(l)
	close(q.done)
}

// Ask runs look on the loop's goroutine, between two steps, and returns when it has ended. look may read
// the state and must neither change nor keep anything of it; the loop stands still meanwhile, so it should
// take milliseconds. Nothing is asked of a loop that is stopping.
func (d *Destination) Ask(ctx context.Context, look func(*state.State)) error {
	return d.inside(ctx, func(l *loop) { look(l.state) })
}

// inside runs look on the loop's goroutine.
func (d *Destination) inside(ctx context.Context, look func(*loop)) error {
	q := question{look: look, done: make(chan struct{})}
	select {
	case d.questions <- q:
	case <-d.ended:
		return d.inactive()
	case <-ctx.Done():
		return fmt.Errorf("%w (%w)", d.inactive(), ctx.Err())
	}
	<-q.done // the loop has taken it, and answers what it takes
	return nil
}

func (l *loop) asked() <-chan question {
	if l.stopping {
		return nil
	}
	return l.questions
}
