package dense

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// shards is into how many tables an index is divided: each grows alone, so that no change waits for all of them.
const shards = 64

// Index finds the handle of a key whose bytes lie elsewhere: five bytes a cell, at most 85 % of them filled. Beside
// the handle a cell holds eight bits of the key's hash, so that another key is rarely looked at. Where a table grows
// or a key is removed, keys are read again through keyOf, which returns the key of a handle.
type Index struct {
	tables [shards]table
	n      int
}

type table struct {
	handles []uint32 // zero is empty
	tags    []uint8
	n       int
}

// cell is where a key belongs: its table, its tag, and its home in the table once that has a size.
type cell struct {
	table *table
	tag   uint8
	home  uint32 // of 2^32
}

func (x *Index) cell(key []byte) cell {
	h := xxhash.Sum64(key)
	return cell{table: &x.tables[h>>58], tag: uint8(h >> 48), home: uint32(h)}
}

// first is the home among n cells.
func (c cell) first(n int) int {
	hi, _ := bits.Mul32(c.home, uint32(n))
	return int(hi)
}

// Find returns the handle whose key equals key, or zero.
func (x *Index) Find(key []byte, keyOf func(uint32) []byte) uint32 {
	c := x.cell(key)
	t := c.table
	if t.n == 0 {
		return 0
	}
	for i := c.first(len(t.handles)); t.handles[i] != 0; {
		if t.tags[i] == c.tag && string(keyOf(t.handles[i])) == string(key) {
			return t.handles[i]
		}
		if i++; i == len(t.handles) {
			i = 0
		}
	}
	return 0
}

// Add enters a handle under a key that is not in the index.
func (x *Index) Add(key []byte, handle uint32, keyOf func(uint32) []byte) {
	c := x.cell(key)
	if t := c.table; t.n+1 > len(t.handles)*85/100 {
		x.grow(t, len(t.handles)*3/2+8, keyOf)
	}
	c.table.place(c, handle)
	x.n++
}

// Reserve makes room for n keys in all, spread evenly, so that adding them grows no table.
func (x *Index) Reserve(n int, keyOf func(uint32) []byte) {
	each := n/shards + n/shards/32 // no two tables get as many keys
	for i := range x.tables {
		if t := &x.tables[i]; len(t.handles)*85/100 < each {
			x.grow(t, each*100/85+1, keyOf)
		}
	}
}

func (t *table) place(c cell, handle uint32) {
	i := c.first(len(t.handles))
	for t.handles[i] != 0 {
		if i++; i == len(t.handles) {
			i = 0
		}
	}
	t.handles[i], t.tags[i] = handle, c.tag
	t.n++
}

func (x *Index) grow(t *table, size int, keyOf func(uint32) []byte) {
	old := t.handles
	t.handles, t.tags, t.n = make([]uint32, size), make([]uint8, size), 0
	for _, h := range old {
		if h != 0 {
			t.place(x.cell(keyOf(h)), h)
		}
	}
}

// Remove takes a handle out of the index; key is the one that it was added under, and that keyOf still returns. The
// cells behind it move up, so that no marker of it is left.
func (x *Index) Remove(key []byte, handle uint32, keyOf func(uint32) []byte) {
	c := x.cell(key)
	t := c.table
	if t.n == 0 {
		return
	}
	size := len(t.handles)
	i := c.first(size)
	for t.handles[i] != handle {
		if t.handles[i] == 0 {
			return
		}
		i = (i + 1) % size
	}
	for j := (i + 1) % size; t.handles[j] != 0; j = (j + 1) % size {
		home := x.cell(keyOf(t.handles[j])).first(size)
		if (j-home+size)%size >= (j-i+size)%size {
			t.handles[i], t.tags[i] = t.handles[j], t.tags[j]
			i = j
		}
	}
	t.handles[i], t.tags[i] = 0, 0
	t.n--
	x.n--
}

// Len returns the number of keys.
func (x *Index) Len() int { return x.n }
