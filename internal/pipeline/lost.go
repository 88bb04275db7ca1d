package pipeline

import (
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/roster"
)

// lost is events that the stream dropped before they were folded. Exits may be among them: who is still selected
// is known again once each segment was refreshed, and until then nobody is removed (H22).
type lost struct {
	From     uint64   `json:"from"`
	To       uint64   `json:"to"`
	Segments []string `json:"segments"` // not refreshed since
}

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

// lose notes what the claim says was lost, and forgets segments that were taken away.
func (s *State) lose(c *ledger.Claim) {
	if c.Lost != nil {
		l := lost{From: c.Lost.From, To: c.Lost.To, Segments: slices.Clone(c.Binding.Segments)}
		if before := s.meta.Lost; before != nil {
			l.From = before.From
		}
		s.meta.Lost = &l
		s.whole() // a destination without segments, which is being removed, waits for none
		return
	}
	if l := s.meta.Lost; l != nil {
		l.Segments = slices.DeleteFunc(l.Segments, func(name string) bool { return !slices.Contains(c.Binding.Segments, name) })
		s.whole()
	}
}

// refreshed notes that a refresh of the segment was accepted.
func (s *State) refreshed(segment string) {
	if l := s.meta.Lost; l != nil {
		l.Segments = slices.DeleteFunc(l.Segments, func(name string) bool { return name == segment })
		s.whole()
	}
}

// whole lets removals go again once every segment was refreshed.
func (s *State) whole() {
	if len(s.meta.Lost.Segments) == 0 {
		s.meta.Lost = nil
		s.unhold(false)
	}
}

// uncertain returns removals that are held because events were lost.
func (p *planner) uncertain(removals []contact.Handle) []contact.Handle {
	if p.l.state.meta.Lost == nil || len(removals) == 0 {
		return removals
	}
	p.records = append(p.records, &ledger.Hold{At: p.now.UnixNano(), Handles: removals})
	return nil
}

// accepts reports whether a refresh may let go of what it sweeps; one that stands for a new stream's end always
// ends a publication.
func (s *State) accepts(f roster.Refresh) (seen uint64, ok bool) {
	seen = s.roster.Count(f.Segment, f.First)
	return seen, f.State == roster.Rebased || seen >= f.Count && f.First <= f.Sequence
}
