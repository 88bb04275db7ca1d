package dense

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// Records of any length that grow, shrink, come and go are those that were set.
func TestRecordsEqualAMapUnderAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Records
		model := map[uint32][]byte{}
		var handles []uint32
		length := rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(1, 400), rapid.IntRange(30_000, 70_000))
		for step := range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch i := rapid.IntRange(-2, len(handles)-1).Draw(t, "handle"); {
			case i < 0:
				h := r.Add()
				if r.Get(h) != nil {
					t.Fatalf("the new handle %d has a record", h)
				}
				handles, model[h] = append(handles, h), nil
			case rapid.IntRange(0, 3).Draw(t, "drop") == 0:
				r.Drop(handles[i])
				model[handles[i]] = nil
			default:
				b := bytes.Repeat([]byte{byte(step + 1)}, length.Draw(t, "length"))
				r.Set(handles[i], b)
				model[handles[i]] = b
			}
			for h, want := range model {
				got := r.Get(h)
				if (got == nil) != (want == nil) || len(got) < len(want) || !bytes.Equal(got[:len(want)], want) {
					t.Fatalf("record %d is %.20x…, want %.20x…", h, got, want)
				}
				if len(bytes.Trim(got[len(want):], "\x00")) > 0 {
					t.Fatalf("record %d is followed by something", h)
				}
			}
		}
	})
}

// Records that are set again and again take no more memory than their largest population does.
func TestRecordsUseTheirRoomAgain(t *testing.T) {
	var r Records
	const n = 10_000
	for range n {
		r.Add()
	}
	fill := func(size int) {
		for h := uint32(1); h <= n; h++ {
			r.Set(h, bytes.Repeat([]byte{1}, size))
		}
	}
	fill(30)
	fill(50)
	most := r.Bytes()
	for round := range 20 {
		for h := uint32(1); h <= n; h++ {
			r.Drop(h)
		}
		fill(30 + 20*(round%2))
		fill(50)
	}
	if got := r.Bytes(); got > most {
		t.Errorf("%d bytes are held, %d were needed", got, most)
	}
}

// Records that no address can name any more are an error that says so, instead of an address of another's.
func TestRecordsThatAreFullSaySo(t *testing.T) {
	r := Records{most: 3}
	set := func(n int) (err error) {
		defer Full(&err)
		r.Set(r.Add(), bytes.Repeat([]byte{1}, n))
		return nil
	}
	var kept []uint32
	for n := 0; ; n++ {
		if n > 1000 {
			t.Fatal("more fits into three pages than they hold")
		}
		err := set(1000)
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, r.Len()-1)
	}
	if err := set(recordPage); !errors.Is(err, ErrFull) {
		t.Errorf("a record with a page of its own: %v", err)
	}
	for _, h := range kept {
		if got := r.Get(h); len(got) < 1000 || got[999] != 1 {
			t.Fatalf("record %d was overwritten", h)
		}
	}
	r.Drop(kept[0])
	if err := set(1000); err != nil {
		t.Errorf("where one was dropped there is room: %v", err)
	}
}

// An erased person's bytes are gone from memory, too.
func TestADroppedRecordIsOverwritten(t *testing.T) {
	var r Records
	kept, gone := r.Add(), r.Add()
	r.Set(kept, []byte("kept"))
	r.Set(gone, []byte("ada@example.com"))
	r.Set(kept, []byte("kept, and moved to another place"))
	r.Free(gone)
	for _, page := range r.pages {
		if bytes.Contains(page, []byte("ada")) || bytes.Count(page, []byte("kept")) != 1 {
			t.Error("a page still holds what was dropped, or moved")
		}
	}
	if got := string(r.Get(kept)); got != "kept, and moved to another place" {
		t.Errorf("the kept record is %q", got)
	}
}
