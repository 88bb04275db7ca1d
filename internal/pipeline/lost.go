package pipeline

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
)

// ErrEventsLost ends a run whose stream has dropped events above the cursor: the next claim says which.
var ErrEventsLost = errors.New("the event stream has dropped events that were not folded yet; the destination is claimed anew and says which")

// dropped reports whether a stream has let go of events behind one that was read, others than those that are known to be lost.
// Of a stream that was never read nothing is missed.
func dropped(st *broker.StreamState, read, lost uint64) bool {
	return !st.Keyed && read > 0 && st.FirstSeq > max(read, lost)+1
}

// unbroken looks, where sequences are missing between two events of an unkeyed stream, whether it has dropped them: a reader that
// lags is overtaken by the age limit without a word. An erasure's purge leaves such gaps too, behind the stream's first event.
func (in *intake) unbroken(ctx context.Context, read, next uint64) error {
	for in.unkeyed && read > 0 && next > max(read, in.lost)+1 {
		st, err := in.opts.Stream.InspectStream(ctx, in.opts.Binding.Stream)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && dropped(&st, read, in.lost):
			return ErrEventsLost
		case err == nil || ends(err):
			return err
		}
		in.log.Warn("the event stream cannot be looked at; it is tried again", zap.Error(err))
		pause(ctx)
	}
	return nil
}

// uncertain returns removals that are held because events were lost.
func (p *planner) uncertain(removals []contact.Handle) []contact.Handle {
	if p.l.state.Meta.Lost == nil || len(removals) == 0 {
		return removals
	}
	p.records = append(p.records, &record.Hold{At: p.now.UnixNano(), Handles: removals})
	return nil
}
