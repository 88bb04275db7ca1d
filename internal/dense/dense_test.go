package dense

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestIndexEqualsAMapUnderAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var index Index
		keys := map[uint32][]byte{}
		model := map[string]uint32{}
		keyOf := func(h uint32) []byte { return keys[h] }
		if rapid.Bool().Draw(t, "reserve") {
			index.Reserve(rapid.IntRange(0, 5000).Draw(t, "room"), keyOf)
		}
		next := uint32(1)
		for range rapid.IntRange(1, 3000).Draw(t, "steps") {
			key := fmt.Sprintf("k%d", rapid.IntRange(0, 900).Draw(t, "key"))
			h, held := model[key]
			if got := index.Find([]byte(key), keyOf); got != h {
				t.Fatalf("find %s: got %d, want %d", key, got, h)
			}
			switch {
			case held && rapid.Bool().Draw(t, "remove"):
				index.Remove([]byte(key), h, keyOf)
				delete(model, key)
			case !held:
				keys[next] = []byte(key)
				index.Add([]byte(key), next, keyOf)
				model[key] = next
				next++
			}
			if index.Len() != len(model) {
				t.Fatalf("length %d, want %d", index.Len(), len(model))
			}
		}
	})
}

func TestSparseEqualsAMapUnderAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Sparse[int]
		model := map[uint32]int{}
		for i := range rapid.IntRange(1, 300).Draw(t, "steps") {
			h := uint32(rapid.IntRange(1, 5000).Draw(t, "handle"))
			if rapid.Bool().Draw(t, "put") {
				*s.Put(h) = i
				model[h] = i
			} else {
				s.Remove(h)
				delete(model, h)
			}
		}
		got := map[uint32]int{}
		for _, h := range s.Handles() {
			got[h] = *s.Get(h)
		}
		if diff := cmp.Diff(model, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestBlobsGiveBackWhatIsFreedAndKeepWhatIsNot(t *testing.T) {
	var s Blobs
	kept := map[Blob]string{}
	for i := range 20000 {
		text := fmt.Sprintf("value %d of some length, so that chunks fill", i)
		b := s.Put([]byte(text))
		if i%1000 == 0 {
			kept[b] = text
			continue
		}
		s.Free(b)
	}
	for b, want := range kept {
		if got := string(s.Get(b)); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	if got := s.Bytes(); got > (len(kept)+1)*blobChunk {
		t.Fatalf("%d bytes are held for %d blobs", got, len(kept))
	}
}
