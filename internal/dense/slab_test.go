package dense

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Handles given out after a restart are those that would have been given out without it: the journal that follows
// a snapshot names contacts by them (I13).
func TestASlabGivesOutTheSameHandlesAfterItWasLoaded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Slab[int]
		live := map[uint32]int{}
		order := []uint32{}
		for step := range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(order) > 0 && rapid.IntRange(0, 2).Draw(t, "free") == 0 {
				i := rapid.IntRange(0, len(order)-1).Draw(t, "which")
				h := order[i]
				order = slices.Delete(order, i, i+1)
				s.Free(h)
				delete(live, h)
				continue
			}
			h := s.Add()
			if _, taken := live[h]; taken || h == 0 || *s.At(h) != 0 {
				t.Fatalf("handle %d is taken, zero, or holds %d", h, *s.At(h))
			}
			*s.At(h), live[h] = step+1, step+1
			order = append(order, h)
		}
		body := AppendFree(nil, s.FreeList())
		number := func() uint64 {
			n, size := binary.Uvarint(body)
			body = body[size:]
			return n
		}
		var loaded Slab[int]
		for h, v := range live {
			*loaded.Grow(h) = v
		}
		loaded.Grow(s.Len() - 1)
		loaded.SetFree(ReadFree(func() int { return int(number()) }, number))
		if loaded.Len() != s.Len() {
			t.Fatalf("length %d, want %d", loaded.Len(), s.Len())
		}
		for range 5 {
			if a, b := s.Add(), loaded.Add(); a != b {
				t.Fatalf("the one gives out %d, the loaded one %d", a, b)
			}
		}
		for h, v := range live {
			if *s.At(h) != v || *loaded.At(h) != v {
				t.Fatalf("row %d holds %d and %d, want %d", h, *s.At(h), *loaded.At(h), v)
			}
		}
	})
}

func TestRowsKeepTheirAddressesWhileTheSlabGrows(t *testing.T) {
	var s Slab[int]
	first := s.At(s.Add())
	*first = 7
	for range 3 * slabChunk {
		s.Add()
	}
	if s.At(1) != first || *s.At(1) != 7 || s.Len() != 3*slabChunk+2 {
		t.Errorf("row 1 moved, or the length is %d", s.Len())
	}
}

func TestMarksAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m Marks
		model := map[uint32]bool{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			h := rapid.Uint32Range(0, 2000).Draw(t, "handle")
			if rapid.Bool().Draw(t, "drop") {
				m.Drop(h)
				delete(model, h)
				continue
			}
			if m.Put(h) != model[h] {
				t.Fatalf("%d was marked: %v", h, model[h])
			}
			model[h] = true
		}
	})
}
