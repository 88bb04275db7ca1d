package dense

// Sparse is a set of few rows among many handles: four bytes a handle, and a row only where there is
// one. Its rows move when one is removed: use a pointer before the next change, then forget it.
type Sparse[T any] struct {
	slots   Slab[uint32]
	handles []uint32
	rows    []T
}

// Get returns the handle's row, or nil.
func (s *Sparse[T]) Get(h uint32) *T {
	if h >= s.slots.Len() {
		return nil
	}
	if i := *s.slots.At(h); i > 0 {
		return &s.rows[i-1]
	}
	return nil
}

// Put returns the handle's row, made zero where there was none.
func (s *Sparse[T]) Put(h uint32) *T {
	slot := s.slots.Grow(h)
	if *slot == 0 {
		var zero T
		s.rows = append(s.rows, zero)
		s.handles = append(s.handles, h)
		*slot = uint32(len(s.rows))
	}
	return &s.rows[*slot-1]
}

// Remove takes the handle's row away, and says whether there was one.
func (s *Sparse[T]) Remove(h uint32) bool {
	if h >= s.slots.Len() {
		return false
	}
	slot := s.slots.At(h)
	if *slot == 0 {
		return false
	}
	i, last := int(*slot-1), len(s.rows)-1
	var zero T
	s.rows[i], s.handles[i] = s.rows[last], s.handles[last]
	*s.slots.At(s.handles[i]) = uint32(i + 1)
	*slot = 0
	s.rows[last] = zero
	s.rows, s.handles = s.rows[:last], s.handles[:last]
	if last < cap(s.rows)/4 && cap(s.rows) > 1024 {
		s.rows = append(make([]T, 0, cap(s.rows)/2), s.rows...)
		s.handles = append(make([]uint32, 0, cap(s.handles)/2), s.handles...)
	}
	return true
}

// Len returns the number of rows.
func (s *Sparse[T]) Len() int { return len(s.rows) }

// Handles returns the handles that have a row, in no order; the set goes on owning the slice.
func (s *Sparse[T]) Handles() []uint32 { return s.handles }
