package state

import (
	"slices"

	"rollcall/internal/ledger/record"
	"rollcall/internal/roster"
)

// lost is events that the stream dropped before they were folded. Exits may be among them: who is still selected
// is known again once each segment was refreshed, and until then nobody is removed (H22).
type lost struct {
	From     uint64   `json:"from"`
	To       uint64   `json:"to"`
	Segments []string `json:"segments"` // not refreshed since
}

// lose notes what the claim says was lost, and forgets segments that were taken away.
func (s *State) lose(c *record.Claim) {
	if c.Lost != nil {
		l := lost{From: c.Lost.From, To: c.Lost.To, Segments: slices.Clone(c.Binding.Segments)}
		if before := s.Meta.Lost; before != nil {
			l.From = before.From
		}
		s.Meta.Lost = &l
		s.whole() // a destination without segments, which is being removed, waits for none
		return
	}
	if l := s.Meta.Lost; l != nil {
		l.Segments = slices.DeleteFunc(l.Segments, func(name string) bool { return !slices.Contains(c.Binding.Segments, name) })
		s.whole()
	}
}

// refreshed notes that a refresh of the segment was accepted.
func (s *State) refreshed(segment string) {
	if l := s.Meta.Lost; l != nil {
		l.Segments = slices.DeleteFunc(l.Segments, func(name string) bool { return name == segment })
		s.whole()
	}
}

// whole lets removals go again once every segment was refreshed.
func (s *State) whole() {
	if len(s.Meta.Lost.Segments) == 0 {
		s.Meta.Lost = nil
		s.unhold(false)
	}
}

// Accepts reports whether a refresh may let go of what it sweeps; one that stands for a new stream's end always
// ends a publication.
func (s *State) Accepts(f roster.Refresh) (seen uint64, ok bool) {
	seen = s.Roster.Count(f.Segment, f.First)
	return seen, f.State == roster.Rebased || seen >= f.Count && f.First <= f.Sequence
}
