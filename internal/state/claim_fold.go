package state

import (
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/window"
)

// claim folds a replica's becoming active: the predecessor's unanswered requests are in doubt, segments that
// were taken away are let go of or held, and what changed in segments and mapping is read again.
func (s *State) claim(c *record.Claim) {
	before := s.Meta.Claim
	s.at, s.Recount = c.At, true // the guard may be another, and a snapshot does not say what was to be counted
	s.rowTime = c.At / int64(time.Millisecond)
	s.Roster.At(c.At / int64(time.Second))
	s.Meta.Epoch, s.Meta.Claim = c.Epoch, *c
	s.timing(c.Timing)
	s.Window.Clamp(c.At)
	s.Flight.TakeOver(c.At, c.Until)
	for _, b := range s.Flight.Open() {
		s.taken(b)
	}
	s.Book.Clamp(c.At)
	s.lose(c)
	if before.Epoch > 0 && before.Binding.Normalisation < c.Binding.Normalisation {
		s.respell()
	}
	added, removed := s.Roster.Select(append(slices.Clone(c.Binding.Segments), c.Keep...))
	for _, seg := range removed {
		s.Roster.Drop(seg, s.Meta.Cursor, s.contactChanged)
	}
	s.Meta.Dropping = nil
	for _, name := range c.Keep {
		if n, ok := s.Roster.Segment(name); ok {
			s.Meta.Dropping = append(s.Meta.Dropping, n)
		}
	}
	for _, name := range before.Keep { // back before its removal was approved: what came meanwhile is missing
		if n, ok := s.Roster.Segment(name); ok && slices.Contains(c.Binding.Segments, name) && !slices.Contains(added, n) {
			added = append(added, n)
		}
	}
	remapped := before.Binding.Mapping != c.Binding.Mapping || before.Binding.Normalisation != c.Binding.Normalisation
	if before.Epoch > 0 && remapped {
		s.Meta.MappedSince = s.Flight.Next()
		s.regain(c.Mapped &^ before.Mapped)
	}
	if before.Epoch > 0 && s.Meta.Cursor > 0 && (remapped || len(added) > 0) {
		s.startFill(added, remapped)
	}
}

// regain lets contacts be sent again that may have a value at SendGrid in a field which the mapping did not have and has now.
func (s *State) regain(fields uint64) {
	for h := contact.Handle(1); fields != 0 && uint32(h) < s.Roster.Contacts(); h++ {
		if at := s.Book.At(h); at.Listed() && at.Mask&fields != 0 {
			s.Book.SetUnknown(h)
		}
	}
}

// timing takes over what the fold needs of the configuration.
func (s *State) timing(t record.Timing) {
	s.Policy.Window = window.Policy{Quiet: time.Duration(t.Quiet), MaxWait: time.Duration(t.MaxWait)}
	s.Policy.Guard = plan.Guard{Interval: time.Duration(t.Guard), MinRemovals: t.MinRemovals, MaxShare: t.MaxShare}
	s.Window.SetPolicy(s.Policy.Window)
}

// IsListed reports whether SendGrid has confirmed the contact on the list.
func (s *State) IsListed(h contact.Handle) bool { return s.Book.At(h).Listed() }
