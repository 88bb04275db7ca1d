package dense

import "encoding/binary"

const blobChunk = 256 << 10

// Blob names bytes in Blobs. Zero is none.
type Blob uint64

// Blobs keeps byte strings that come and go, such as the fields of contacts on their way. A chunk is
// given back once everything in it has been freed, so that memory follows what is kept, not what was.
type Blobs struct {
	chunks  [][]byte
	live    []int32
	free    []uint32 // chunk numbers that can be used again
	current uint32
	used    int
}

// Put copies b and returns its name, never zero.
func (s *Blobs) Put(b []byte) Blob {
	need := binary.MaxVarintLen32 + len(b)
	if len(s.chunks) == 0 || s.chunks[s.current] == nil || s.used+need > len(s.chunks[s.current]) {
		s.open(max(need, blobChunk))
	}
	chunk := s.chunks[s.current]
	at := s.used
	n := binary.PutUvarint(chunk[at:], uint64(len(b)))
	copy(chunk[at+n:], b)
	s.used = at + n + len(b)
	s.live[s.current]++
	return Blob(uint64(s.current)<<32 | uint64(at)<<1 | 1)
}

func (s *Blobs) open(size int) {
	if len(s.chunks) > 0 && s.chunks[s.current] != nil && s.live[s.current] == 0 {
		s.release(s.current)
	}
	if n := len(s.free); n > 0 {
		s.current, s.free = s.free[n-1], s.free[:n-1]
		s.chunks[s.current] = make([]byte, size)
	} else {
		s.current = uint32(len(s.chunks))
		s.chunks = append(s.chunks, make([]byte, size))
		s.live = append(s.live, 0)
	}
	s.used = 0
}

// Get returns the bytes, which Blobs goes on owning until they are freed.
func (s *Blobs) Get(b Blob) []byte {
	if b == 0 {
		return nil
	}
	chunk, at := s.chunks[b>>32], int(uint32(b)>>1)
	size, n := binary.Uvarint(chunk[at:])
	return chunk[at+n : at+n+int(size)]
}

// Free lets the bytes go. Freeing zero does nothing.
func (s *Blobs) Free(b Blob) {
	if b == 0 {
		return
	}
	c := uint32(b >> 32)
	s.live[c]--
	if s.live[c] == 0 && c != s.current {
		s.release(c)
	}
}

func (s *Blobs) release(c uint32) {
	s.chunks[c] = nil
	s.free = append(s.free, c)
}

// Bytes returns the memory that is held.
func (s *Blobs) Bytes() int {
	n := 0
	for _, c := range s.chunks {
		n += len(c)
	}
	return n
}
