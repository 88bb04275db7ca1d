package flight

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/contact"
)

// counted recounts what the flight counts as it goes.
func counted(f *Flight) (counts [4]int, homes map[contact.Handle]uint64) {
	homes = map[contact.Handle]uint64{}
	for _, b := range f.Open() {
		counts[b.State] += len(b.Items)
		for _, it := range b.Items {
			homes[it.Handle] = b.ID
		}
	}
	return counts, homes
}

// I4, I13: whatever happens to batches, a contact is in one at most, the counts hold, and a loaded flight is the same.
func TestAContactIsInOneBatchAtMostWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := New()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			step(t, f)
			counts, homes := counted(f)
			total := 0
			for s := Intended; s <= Doubt; s++ {
				total += counts[s]
				if counts[s] != f.Contacts(s) {
					t.Fatalf("%d contacts in state %d, counted %d", f.Contacts(s), s, counts[s])
				}
			}
			if total != len(homes) {
				t.Fatalf("%d places for %d contacts: somebody is in two batches", total, len(homes))
			}
			for h := contact.Handle(1); h <= 9; h++ {
				b := f.Of(h)
				if id, flying := homes[h]; flying != (b != nil) || flying && b.ID != id {
					t.Fatalf("contact %d is in %v, the batches say %d", h, b, id)
				}
			}
		}
		again := New()
		body := f.Append(nil)
		if err := again.Load(body); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(body, again.Append(nil)); diff != "" {
			t.Fatalf("a loaded flight writes another snapshot: %s", diff)
		}
		if f.Next() != again.Next() {
			t.Fatalf("the next batch is %d, loaded %d", f.Next(), again.Next())
		}
	})
}

func step(t *rapid.T, f *Flight) {
	id := rapid.Uint64Range(1, max(f.Next()-1, 1)).Draw(t, "batch")
	switch rapid.IntRange(0, 5).Draw(t, "step") {
	case 0:
		f.Accept(id, "job", 7)
	case 1:
		f.Unsure(id, rapid.Int64Range(1, 100).Draw(t, "until"))
	case 2:
		f.Leave(id, []contact.Handle{contact.Handle(rapid.IntRange(1, 9).Draw(t, "who"))})
	case 3:
		f.End(id)
	default:
		b := &Batch{ID: f.Next(), Operation: contact.Upsert, At: 3}
		for h := contact.Handle(1); h <= 9; h++ {
			free := f.Of(h) == nil || f.Of(h).State == Doubt
			if free && rapid.Bool().Draw(t, "in") {
				b.Items = append(b.Items, Item{Handle: h, Hash: uint64(h)})
			}
		}
		if len(b.Items) > 0 {
			f.Start(b)
		}
	}
}

// H1: the doubt of an unanswered try moves with its contacts into the try that repeats it, and outlives the answer
// to that one.
func TestADoubtOutlivesTheAcceptedRepetition(t *testing.T) {
	f := New()
	f.Start(&Batch{ID: 1, Operation: contact.Upsert, Items: []Item{{Handle: 5}, {Handle: 6}}})
	f.Unsure(1, 900)
	f.Start(&Batch{ID: 2, Operation: contact.Upsert, Items: []Item{{Handle: 5}}})
	f.Accept(2, "job", 50)
	if b := f.Of(5); b.ID != 2 || b.State != Accepted || b.Until != 900 {
		t.Fatalf("the repeated contact is in %+v", b)
	}
	if b := f.Of(6); b.ID != 1 || b.State != Doubt {
		t.Fatalf("the other one is in %+v", b)
	}
}

// A new owner takes every unanswered intent for one that may still be applied, and forgets no other doubt.
func TestATakeOverPutsUnansweredIntentsInDoubt(t *testing.T) {
	f := New()
	f.Start(&Batch{ID: 1, Items: []Item{{Handle: 1}}})
	f.Start(&Batch{ID: 2, Items: []Item{{Handle: 2}}})
	f.Accept(2, "job", 10)
	f.Start(&Batch{ID: 3, Items: []Item{{Handle: 3}}})
	f.Unsure(3, 2000)
	f.TakeOver(500, 1000)
	var got []int64
	for _, b := range f.Open() {
		got = append(got, int64(b.State), b.Until)
	}
	want := []int64{int64(Doubt), 1000, int64(Accepted), 0, int64(Doubt), 2000}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

// What began, or was accepted, later than the claim was so by a clock that was set back: nothing waits for that time to come again.
func TestATakeOverByAnEarlierClockCountsFromTheClaim(t *testing.T) {
	f := New()
	f.Start(&Batch{ID: 1, At: 400, Items: []Item{{Handle: 1}}})
	f.Accept(1, "job", 9000)
	f.Start(&Batch{ID: 2, At: 9000, Items: []Item{{Handle: 2}}})
	f.Unsure(2, 9500)
	f.Start(&Batch{ID: 3, At: 9000, Items: []Item{{Handle: 3}}})
	f.TakeOver(500, 1000)
	var got []int64
	for _, b := range f.Open() {
		got = append(got, b.At, b.Accepted, b.Until)
	}
	if diff := cmp.Diff([]int64{400, 500, 0, 500, 0, 1000, 500, 0, 1000}, got); diff != "" {
		t.Fatal(diff)
	}
}
