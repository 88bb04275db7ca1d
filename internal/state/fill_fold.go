package state

import (
	"slices"

	"rollcall/internal/ledger/record"
)

// fill is a back-fill under way: the stream is read again up to the cursor because segments came to the
// destination, or because its mapping changed. What it touches is not due before it has ended.
type fill struct {
	Segments []uint16 `json:"segments,omitempty"` // whose events are read; none is all, for a changed mapping
	Next     uint64   `json:"next"`               // the sequence to go on from
	To       uint64   `json:"to"`                 // the cursor when it began
}

// startFill begins a back-fill, or begins the one under way again for more.
func (s *State) startFill(segments []uint16, all bool) {
	f := &fill{Segments: segments, Next: 1, To: s.Meta.Cursor}
	if before := s.Meta.Fill; before != nil {
		all = all || len(before.Segments) == 0
		f.Segments = append(f.Segments, before.Segments...)
	}
	if all {
		f.Segments = nil
	}
	slices.Sort(f.Segments)
	f.Segments = slices.Compact(f.Segments)
	s.Meta.Fill = f
}

// fillPart folds what a back-fill read. After its last part what it touched becomes due, little by little.
func (s *State) fillPart(r *record.Fill) error {
	if s.Meta.Fill == nil {
		return nil // a part of one that another replica ended
	}
	s.filling = true
	err := s.rows(r.At, r.Rows, false)
	s.filling = false
	s.Meta.Fill.Next = r.Next
	if err != nil || !r.Done {
		return err
	}
	s.Meta.Fill = nil
	s.readAgain(r.At)
	return nil
}
