package dense

// Marks is a set of handles, a bit each. The zero value is empty.
type Marks struct{ words []uint64 }

// Put marks the handle, and reports whether it was marked already.
func (m *Marks) Put(h uint32) bool {
	i, bit := int(h/64), uint64(1)<<(h%64)
	if i >= len(m.words) {
		m.words = append(m.words, make([]uint64, i+1+len(m.words)/2-len(m.words))...)
	}
	was := m.words[i]&bit != 0
	m.words[i] |= bit
	return was
}

// Has reports whether the handle is marked.
func (m *Marks) Has(h uint32) bool {
	i := int(h / 64)
	return i < len(m.words) && m.words[i]&(uint64(1)<<(h%64)) != 0
}

// Drop takes the mark away.
func (m *Marks) Drop(h uint32) {
	if i := int(h / 64); i < len(m.words) {
		m.words[i] &^= uint64(1) << (h % 64)
	}
}
