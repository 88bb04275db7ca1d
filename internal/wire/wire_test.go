package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// value is one thing of an encoding.
type value struct {
	Kind   int
	Number uint64
	Bytes  []byte
}

func (v value) append(dst []byte) []byte {
	switch v.Kind {
	case 0:
		return Uint(dst, v.Number)
	case 1:
		return Int(dst, int64(v.Number))
	case 2:
		return Fixed(dst, v.Number)
	case 3:
		return Bool(dst, v.Number&1 == 1)
	case 4:
		return Bytes(dst, v.Bytes)
	default:
		return String(dst, string(v.Bytes))
	}
}

func (v value) read(r *Reader) value {
	got := value{Kind: v.Kind}
	switch v.Kind {
	case 0:
		got.Number = r.Uint()
	case 1:
		got.Number = uint64(r.Int())
	case 2:
		got.Number = r.Fixed()
	case 3:
		if got.Number = v.Number &^ 1; r.Bool() {
			got.Number++
		}
	case 4:
		got.Bytes = bytes.Clone(r.Bytes())
	default:
		got.Bytes = []byte(r.String())
	}
	return got
}

func draw(t *rapid.T) []value {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) value {
		v := value{Kind: rapid.IntRange(0, 5).Draw(t, "kind"), Number: rapid.SampledFrom([]uint64{0, 1, 127, 128, math.MaxInt64, math.MaxUint64, rapid.Uint64().Draw(t, "number")}).Draw(t, "which")}
		if v.Kind > 3 {
			v.Number, v.Bytes = 0, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")
		}
		return v
	}), 1, 20).Draw(t, "values")
}

func same(a, b value) bool {
	return a.Kind == b.Kind && a.Number == b.Number && bytes.Equal(a.Bytes, b.Bytes)
}

func TestWhatIsAppendedIsReadBackAndACutIsAFaultThatStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := draw(t)
		var encoded []byte
		for _, v := range values {
			encoded = v.append(encoded)
		}
		r := NewReader(append(encoded, "rest"...))
		for _, want := range values {
			if got := want.read(r); !same(got, want) {
				t.Fatal(cmp.Diff(want, got))
			}
		}
		if r.Len() != 4 || string(r.Rest()) != "rest" || r.Err() != nil || r.Len() != 0 {
			t.Fatalf("%d bytes left, %v", r.Len(), r.Err())
		}
		r = NewReader(encoded[:rapid.IntRange(0, len(encoded)-1).Draw(t, "cut")])
		for _, v := range values {
			v.read(r)
		}
		if !errors.Is(r.Err(), ErrCut) || r.Len() != 0 || r.Uint() != 0 || r.Int() != 0 || r.Fixed() != 0 || r.Byte() != 0 || r.Bytes() != nil || r.Count() != 0 {
			t.Fatalf("after a cut: %v, %d bytes left", r.Err(), r.Len())
		}
	})
}

func TestACountAboveTheBytesLeftIsAFault(t *testing.T) {
	if r := NewReader(append(Uint(nil, 3), 1, 2, 3)); r.Count() != 3 || r.Err() != nil {
		t.Errorf("a count that fits: %v", r.Err())
	}
	for _, claim := range []uint64{4, math.MaxUint64} {
		if r := NewReader(append(Uint(nil, claim), 1, 2, 3)); r.Count() != 0 || !errors.Is(r.Err(), ErrCut) {
			t.Errorf("a count of %d of 3: %v", claim, r.Err())
		}
	}
	r := NewReader([]byte{1, 2})
	if r.Fail(); !errors.Is(r.Err(), ErrCut) || r.Len() != 0 {
		t.Errorf("a fault that the caller found: %v", r.Err())
	}
}

func TestSectionsComeBackInOrderAndACutIsAnError(t *testing.T) {
	var snapshot bytes.Buffer
	var want []string
	boundaries := map[int]bool{0: true}
	for i, body := range []string{"", "rows", string(make([]byte, 1000))} {
		name := fmt.Sprint("part", i)
		if err := Section(&snapshot, name, []byte(body)); err != nil {
			t.Fatal(err)
		}
		want = append(want, name+"="+body)
		boundaries[snapshot.Len()] = true
	}
	for cut := range snapshot.Len() + 1 {
		got := []string{}
		err := Sections(bytes.NewReader(snapshot.Bytes()[:cut]), func(name string, body []byte) error {
			got = append(got, name+"="+string(body))
			return nil
		})
		if (err == nil) != boundaries[cut] {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if diff := cmp.Diff(want[:len(got)], got); diff != "" {
			t.Fatalf("cut at %d: %s", cut, diff)
		}
	}
	stop := errors.New("stop")
	if err := Sections(&snapshot, func(string, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the visitor's error is %v", err)
	}
}

// A damaged length must not cost the memory that it claims.
func TestADamagedLengthIsAnErrorAndNoMemory(t *testing.T) {
	claim := Uint(String(nil, "rows"), 1<<34)
	if err := Sections(bytes.NewReader(claim), func(string, []byte) error { return nil }); !errors.Is(err, ErrCut) {
		t.Errorf("16 GiB that are not there: %v", err)
	}
	for _, damaged := range [][]byte{Uint(String(nil, "rows"), 1<<34+1), Uint(nil, 65), {0xff}} {
		if err := Sections(bytes.NewReader(damaged), func(string, []byte) error { return nil }); err == nil {
			t.Errorf("%v is read", damaged)
		}
	}
}

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errors.New("the disk is full")
	}
	return len(p), nil
}

func TestASectionThatCannotBeWrittenIsAnErrorThatNamesIt(t *testing.T) {
	for _, room := range []int{0, 8} {
		if err := Section(&full{room}, "rows", make([]byte, 100)); err == nil || err.Error() != "write section rows: the disk is full" {
			t.Errorf("with room for %d: %v", room, err)
		}
	}
}
