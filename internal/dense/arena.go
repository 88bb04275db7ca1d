package dense

import "encoding/binary"

const (
	arenaChunk = 1 << 20
	arenaAlign = 4
)

// Ref names a string in an Arena. Zero is the empty string.
type Ref uint32

// Arena keeps immutable strings back to back, each with its length before it. It holds up to 16 GiB;
// a string is at most a few kilobytes (a chunk at the most).
type Arena struct {
	chunks [][]byte
	used   int // in the last chunk
}

// Put copies s into the arena.
func (a *Arena) Put(s []byte) Ref {
	if len(s) == 0 {
		return 0
	}
	need := (binary.MaxVarintLen16 + len(s) + arenaAlign - 1) &^ (arenaAlign - 1)
	if len(a.chunks) == 0 || a.used+need > arenaChunk {
		a.chunks = append(a.chunks, make([]byte, arenaChunk))
		a.used = 0
		if len(a.chunks) == 1 {
			a.used = arenaAlign // so that no string has reference zero
		}
	}
	chunk := a.chunks[len(a.chunks)-1]
	at := a.used
	n := binary.PutUvarint(chunk[at:], uint64(len(s)))
	copy(chunk[at+n:], s)
	a.used = (at + n + len(s) + arenaAlign - 1) &^ (arenaAlign - 1)
	return Ref(((len(a.chunks)-1)*arenaChunk + at) / arenaAlign)
}

// Get returns the string's bytes, which the arena goes on owning: read them, don't keep them.
func (a *Arena) Get(r Ref) []byte {
	if r == 0 {
		return nil
	}
	pos := int(r) * arenaAlign
	chunk := a.chunks[pos/arenaChunk]
	at := pos % arenaChunk
	size, n := binary.Uvarint(chunk[at:])
	return chunk[at+n : at+n+int(size)]
}

// Wipe overwrites the string with zeros: an erased person's bytes don't stay in memory. Its place is
// won back when the state is loaded the next time.
func (a *Arena) Wipe(r Ref) { clear(a.Get(r)) }

// Bytes returns the memory that the arena holds.
func (a *Arena) Bytes() int { return len(a.chunks) * arenaChunk }
