package dense

import "github.com/cespare/xxhash/v2"

// Index finds the handle of a key whose bytes lie elsewhere. A cell holds 32 bits of the key's hash
// beside the handle, so that a miss rarely touches the key, and growing never does.
type Index struct {
	cells []uint64 // hash<<32 | handle; zero is empty
	n     int
}

func tag(key []byte) uint32 {
	h := xxhash.Sum64(key)
	return uint32(h>>32) ^ uint32(h)
}

// Find returns the handle whose key equals key, or zero. keyOf returns the key of a handle.
func (x *Index) Find(key []byte, keyOf func(uint32) []byte) uint32 {
	if x.n == 0 {
		return 0
	}
	t := tag(key)
	mask := uint32(len(x.cells) - 1)
	for i := t & mask; ; i = (i + 1) & mask {
		cell := x.cells[i]
		if cell == 0 {
			return 0
		}
		if uint32(cell>>32) == t && string(keyOf(uint32(cell))) == string(key) {
			return uint32(cell)
		}
	}
}

// Add enters a handle under a key that is not in the index.
func (x *Index) Add(key []byte, handle uint32) {
	if x.n*4 >= len(x.cells)*3 {
		x.grow()
	}
	x.place(tag(key), handle)
	x.n++
}

func (x *Index) place(t, handle uint32) {
	mask := uint32(len(x.cells) - 1)
	i := t & mask
	for x.cells[i] != 0 {
		i = (i + 1) & mask
	}
	x.cells[i] = uint64(t)<<32 | uint64(handle)
}

func (x *Index) grow() {
	old := x.cells
	x.cells = make([]uint64, max(64, 2*len(old)))
	for _, cell := range old {
		if cell != 0 {
			x.place(uint32(cell>>32), uint32(cell))
		}
	}
}

// Remove takes a handle out of the index; key is the one that it was added under. The cells behind it
// move up, so that no marker of it is left.
func (x *Index) Remove(key []byte, handle uint32) {
	if x.n == 0 {
		return
	}
	mask := uint32(len(x.cells) - 1)
	i := tag(key) & mask
	for uint32(x.cells[i]) != handle {
		if x.cells[i] == 0 {
			return
		}
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		if x.cells[j] == 0 {
			break
		}
		if home := uint32(x.cells[j]>>32) & mask; (j-home)&mask >= (j-i)&mask {
			x.cells[i] = x.cells[j]
			i = j
		}
	}
	x.cells[i] = 0
	x.n--
}

// Len returns the number of keys.
func (x *Index) Len() int { return x.n }
