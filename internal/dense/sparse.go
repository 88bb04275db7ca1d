package dense

const sparsePage = 128 // handles

// Sparse is a set of few rows among many handles: a row only where there is one, and four bytes for each of the 128
// handles around it. Its rows move when one is removed: use a pointer before the next change, then forget it.
type Sparse[T any] struct {
	pages   []*slots // nil where none of the page's handles has a row
	spare   *slots   // an empty page, kept for the next: a lone row that comes and goes allocates nothing
	handles []uint32
	rows    []T
}

type slots struct {
	rows [sparsePage]uint32 // one more than the row's number; zero is none
	n    int
}

func (s *Sparse[T]) slot(h uint32) *uint32 {
	if page := h / sparsePage; int(page) < len(s.pages) && s.pages[page] != nil {
		return &s.pages[page].rows[h%sparsePage]
	}
	return nil
}

// Get returns the handle's row, or nil.
func (s *Sparse[T]) Get(h uint32) *T {
	if i := s.slot(h); i != nil && *i > 0 {
		return &s.rows[*i-1]
	}
	return nil
}

// Put returns the handle's row, made zero where there was none.
func (s *Sparse[T]) Put(h uint32) *T {
	if i := s.slot(h); i != nil && *i > 0 {
		return &s.rows[*i-1]
	}
	page := s.open(int(h / sparsePage))
	var zero T
	s.rows = append(s.rows, zero)
	s.handles = append(s.handles, h)
	page.rows[h%sparsePage] = uint32(len(s.rows))
	page.n++
	return &s.rows[len(s.rows)-1]
}

func (s *Sparse[T]) open(n int) *slots {
	for n >= len(s.pages) {
		s.pages = append(s.pages, nil)
	}
	if s.pages[n] == nil {
		if s.pages[n] = s.spare; s.spare == nil {
			s.pages[n] = &slots{}
		}
		s.spare = nil
	}
	return s.pages[n]
}

// Remove takes the handle's row away, and says whether there was one.
func (s *Sparse[T]) Remove(h uint32) bool {
	slot := s.slot(h)
	if slot == nil || *slot == 0 {
		return false
	}
	i, last := int(*slot-1), len(s.rows)-1
	var zero T
	s.rows[i], s.handles[i] = s.rows[last], s.handles[last]
	*s.slot(s.handles[i]) = uint32(i + 1)
	*slot = 0
	s.rows[last] = zero
	s.rows, s.handles = s.rows[:last], s.handles[:last]
	if page := s.pages[h/sparsePage]; page.n > 1 {
		page.n--
	} else {
		page.n, s.pages[h/sparsePage], s.spare = 0, nil, page
	}
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
