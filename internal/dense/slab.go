package dense

import "encoding/binary"

const slabChunk = 1 << 12

// Slab is a growing array of rows whose addresses stay: it grows by chunks, without copying. Row zero
// is never handed out, so that a zero handle is none.
type Slab[T any] struct {
	chunks [][]T
	n      uint32
	free   []uint32
}

// Add returns the handle of a zeroed row.
func (s *Slab[T]) Add() uint32 {
	if n := len(s.free); n > 0 {
		h := s.free[n-1]
		s.free = s.free[:n-1]
		return h
	}
	if s.n == 0 {
		s.n = 1
	}
	h := s.n
	if int(h/slabChunk) >= len(s.chunks) {
		s.chunks = append(s.chunks, make([]T, slabChunk))
	}
	s.n++
	return h
}

// At returns the row of a handle that Add gave out.
func (s *Slab[T]) At(h uint32) *T { return &s.chunks[h/slabChunk][h%slabChunk] }

// Grow makes rows exist up to and including h, zeroed.
func (s *Slab[T]) Grow(h uint32) *T {
	for int(h/slabChunk) >= len(s.chunks) {
		s.chunks = append(s.chunks, make([]T, slabChunk))
	}
	if s.n <= h {
		s.n = h + 1
	}
	return s.At(h)
}

// Free zeroes a row; its handle will be given out again.
func (s *Slab[T]) Free(h uint32) {
	var zero T
	*s.At(h) = zero
	s.free = append(s.free, h)
}

// Len is one more than the highest handle.
func (s *Slab[T]) Len() uint32 { return s.n }

// FreeList returns the handles that were freed, the next to be given out last. The slab owns it.
func (s *Slab[T]) FreeList() []uint32 { return s.free }

// SetFree makes these handles the free ones, in the order that FreeList gave: handles given out after
// loading a snapshot must be those that the writer gave out.
func (s *Slab[T]) SetFree(free []uint32) { s.free = free }

// AppendFree appends a list of free handles to dst.
func AppendFree(dst []byte, free []uint32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(free)))
	for _, h := range free {
		dst = binary.AppendUvarint(dst, uint64(h))
	}
	return dst
}

// ReadFree reads what AppendFree wrote, through a reader's count and number.
func ReadFree(count func() int, number func() uint64) []uint32 {
	var free []uint32
	for range count() {
		free = append(free, uint32(number()))
	}
	return free
}
