package pipeline

import (
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/plan"
	"rollcall/internal/window"
)

// claim folds a replica's becoming active: the predecessor's unanswered requests are in doubt, segments that
// were taken away are let go of or held, and what changed in segments and mapping is read again.
func (s *State) claim(c *ledger.Claim) {
	before := s.meta.Claim
	s.at = c.At
	s.rowTime = c.At / int64(time.Millisecond)
	s.roster.At(c.At / int64(time.Second))
	s.meta.Epoch, s.meta.Claim = c.Epoch, *c
	s.timing(c.Timing)
	s.window.Clamp(c.At)
	s.flight.TakeOver(c.At, c.Until)
	for _, b := range s.flight.Open() {
		s.taken(b)
	}
	s.book.Clamp(c.At)
	s.lose(c)
	if before.Epoch > 0 && before.Binding.Normalisation < c.Binding.Normalisation {
		s.respell()
	}
	added, removed := s.roster.Select(append(slices.Clone(c.Binding.Segments), c.Keep...))
	for _, seg := range removed {
		s.roster.Drop(seg, s.meta.Cursor, s.touch)
	}
	s.meta.Dropping = nil
	for _, name := range c.Keep {
		if n, ok := s.roster.Segment(name); ok {
			s.meta.Dropping = append(s.meta.Dropping, n)
		}
	}
	for _, name := range before.Keep { // back before its removal was approved: what came meanwhile is missing
		if n, ok := s.roster.Segment(name); ok && slices.Contains(c.Binding.Segments, name) && !slices.Contains(added, n) {
			added = append(added, n)
		}
	}
	remapped := before.Binding.Mapping != c.Binding.Mapping || before.Binding.Normalisation != c.Binding.Normalisation
	if before.Epoch > 0 && remapped {
		s.meta.MappedSince = s.flight.Next()
		s.regain(c.Mapped &^ before.Mapped)
	}
	if before.Epoch > 0 && s.meta.Cursor > 0 && (remapped || len(added) > 0) {
		s.startFill(added, remapped)
	}
}

// regain lets contacts be sent again that may have a value at SendGrid in a field which the mapping did not have and has now.
func (s *State) regain(fields uint64) {
	for h := contact.Handle(1); fields != 0 && uint32(h) < s.roster.Contacts(); h++ {
		if at := s.book.At(h); at.Listed() && at.Mask&fields != 0 {
			s.book.SetUnknown(h)
		}
	}
}

// timing takes over what the fold needs of the configuration.
func (s *State) timing(t ledger.Timing) {
	s.policy.Window = window.Policy{Quiet: time.Duration(t.Quiet), MaxWait: time.Duration(t.MaxWait)}
	s.policy.Guard = plan.Guard{Interval: time.Duration(t.Guard), MinRemovals: t.MinRemovals, MaxShare: t.MaxShare}
	s.window.SetPolicy(s.policy.Window)
}

func (s *State) listed(h contact.Handle) bool { return s.book.At(h).Listed() }
