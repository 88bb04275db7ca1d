package plan

import (
	"testing"

	"rollcall/internal/contact"
)

// The line of those who wait is about as long as there are contacts that wait, however often one of them comes and goes.
func TestTheLineIsAsLongAsThereAreContactsThatWait(t *testing.T) {
	b := NewBook()
	places := map[contact.Handle]uint64{1: 1}
	placeOf := func(h contact.Handle) uint64 { return places[h] }
	b.Put(1, Waiting, 1)
	for n := uint64(2); n < 20_000; n++ {
		places[2] = n
		b.Put(2, Waiting, n)
		b.Head(placeOf, func(contact.Handle) bool { return false })
		b.Put(2, Nowhere, 0)
	}
	if most := 2*2 + spareTurns + 1; len(b.line) > most {
		t.Errorf("the line has %d turns for one contact that waits, want %d at most", len(b.line), most)
	}
	places[2] = 20_000
	b.Put(2, Waiting, 20_000)
	var order []contact.Handle
	b.Head(placeOf, func(h contact.Handle) bool { order = append(order, h); return true })
	if len(order) != 2 || order[0] != 1 || order[1] != 2 {
		t.Errorf("the turns are of %v", order)
	}
	b.Put(1, Nowhere, 0)
	b.Put(2, Nowhere, 0)
	if len(b.line) != 0 {
		t.Errorf("nobody waits, and the line has %d turns", len(b.line))
	}
}
