package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/contact"
)

const people = 8

// I5, I13: whatever happens, the counts are those of the rows, waiting contacts come up in order of their place, and
// a loaded book is the same.
func TestTheBookCountsWhatItsRowsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBook()
		places := map[contact.Handle]uint64{}
		placeOf := func(h contact.Handle) uint64 { return places[h] }
		for n := range rapid.IntRange(1, 60).Draw(t, "steps") {
			h := contact.Handle(rapid.IntRange(1, people).Draw(t, "who"))
			places[h] = stepBook(t, b, h, uint64(n+1), places[h])
			wantCounts(t, b)
		}
		wantLine(t, b, placeOf)
		body := b.Append(nil)
		again := NewBook()
		if err := again.Load(body, placeOf); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(body, again.Append(nil)); diff != "" {
			t.Fatalf("a loaded book writes another snapshot: %s", diff)
		}
		wantCounts(t, again)
		wantLine(t, again, placeOf)
	})
}

func stepBook(t *rapid.T, b *Book, h contact.Handle, place, before uint64) uint64 {
	switch rapid.IntRange(0, 7).Draw(t, "step") {
	case 0:
		b.Put(h, Waiting, place)
		return place
	case 1:
		b.Put(h, rapid.SampledFrom([]Place{Nowhere, Held}).Draw(t, "place"), 0)
	case 2:
		b.Adding(h, 77)
	case 3:
		b.Release(h)
	case 4:
		b.SetListed(h, 5, 3)
	case 5:
		b.SetUnlisted(h)
	case 6:
		b.Refuse(h, "not valid")
	case 7:
		b.Gone(h)
	}
	return before
}

func wantCounts(t *rapid.T, b *Book) {
	listed, slots, places := 0, 0, [4]int{}
	for h := contact.Handle(1); h <= people; h++ {
		s := b.At(h)
		places[s.Place()]++
		if s.Listed() {
			listed++
		}
		if s.Listed() || s.Slot() {
			slots++
		}
		if (b.Refusal(h) != "") != (s.Place() == Refused) {
			t.Fatalf("contact %d is in place %d with reason %q", h, s.Place(), b.Refusal(h))
		}
	}
	if b.Listed() != listed || b.Slots() != slots {
		t.Fatalf("listed %d, slots %d; the rows say %d and %d", b.Listed(), b.Slots(), listed, slots)
	}
	for _, p := range []Place{Waiting, Held, Refused} {
		if b.Count(p) != places[p] {
			t.Fatalf("%d in place %d, the rows say %d", b.Count(p), p, places[p])
		}
	}
}

func wantLine(t *rapid.T, b *Book, placeOf func(contact.Handle) uint64) {
	var got, want []uint64
	for range 2 { // looking does not take anybody out of the line
		got = nil
		b.Head(placeOf, func(h contact.Handle) bool {
			got = append(got, placeOf(h))
			return true
		})
	}
	for h := contact.Handle(1); h <= people; h++ {
		if b.At(h).Place() == Waiting {
			want = append(want, placeOf(h))
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func listedBook(n int) *Book {
	b := NewBook()
	for h := 1; h <= n; h++ {
		b.SetListed(contact.Handle(h), 1, 0)
	}
	return b
}

// removed lets n of the contacts leave the list at a time.
func removed(b *Book, at int64, g Guard, from contact.Handle, n int) {
	for h := from; h < from+contact.Handle(n); h++ {
		b.Removed(at, g.Interval)
		b.SetUnlisted(h)
	}
}

// H23: exits that fall due in small portions are counted over the interval; what is held is not released by time, and
// is no reason to hold for ever once the interval is over.
func TestTheGuardCountsPortionsOverARollingInterval(t *testing.T) {
	g := Guard{Interval: time.Hour, MinRemovals: 10, MaxShare: 0.2}
	b := listedBook(100)
	at, gone := int64(time.Hour), 0
	for range 10 {
		n := b.Allowed(at, g, 0, 5)
		removed(b, at, g, contact.Handle(gone+1), n)
		gone += n
		at += int64(time.Minute)
	}
	if gone != 20 {
		t.Fatalf("%d removals went, the share is 20", gone)
	}
	b.Put(100, Held, 0)
	if n := b.Allowed(at, g, 0, 5); n != 0 {
		t.Fatalf("%d go past what is held", n)
	}
	b.Put(100, Nowhere, 0)
	if n := b.Allowed(at+int64(2*time.Hour), g, 0, 5); n != 5 {
		t.Fatalf("%d go after the interval, want 5", n)
	}
}

// The share is of the most contacts that were listed within the interval, not of those that are left.
func TestTheGuardsShareIsOfTheMostThatWereListed(t *testing.T) {
	g := Guard{Interval: time.Hour, MinRemovals: 1, MaxShare: 0.5}
	b := listedBook(10)
	at := int64(time.Hour)
	removed(b, at, g, 1, 4)
	if n := b.Allowed(at, g, 0, 5); n != 1 {
		t.Fatalf("%d more may go, want 1 of the 5 that half of 10 is", n)
	}
}

// H39: a removal whose end is open counts once, and only until it ends: as one that took effect, or as none.
func TestAnOpenRemovalIsCountedUntilItEnds(t *testing.T) {
	g := Guard{Interval: time.Hour, MinRemovals: 10, MaxShare: 0}
	b := listedBook(20)
	at := int64(time.Hour)
	if n := b.Allowed(at, g, 6, 6); n != 4 {
		t.Fatalf("%d go beside 6 that are open, want 4", n)
	}
	if n := b.Allowed(at, g, 0, 12); n != 10 {
		t.Fatalf("%d go after those ended without effect, want 10", n)
	}
	removed(b, at, g, 1, 6)
	if n := b.Allowed(at, g, 0, 6); n != 4 {
		t.Fatalf("%d go after those took effect, want 4", n)
	}
}

// The clock was set back: what was planned or added later than now happened now, so that the guard's interval ends an interval from now.
func TestAClockThatWasSetBackKeepsNoRemovalInTheGuard(t *testing.T) {
	g := Guard{Interval: time.Hour, MinRemovals: 10, MaxShare: 0.2}
	b := NewBook()
	now := int64(1000 * time.Hour)
	b.Adding(1, now/int64(time.Second))
	for range 8 {
		b.Removed(now, g.Interval)
	}
	earlier := now - int64(20*time.Hour)
	b.Clamp(earlier)
	if room := b.Room(earlier, g, 0); room != 2 {
		t.Errorf("there is room for %d removals", room)
	}
	if room := b.Room(earlier+int64(time.Hour), g, 0); room != 10 {
		t.Errorf("an interval later there is room for %d removals", room)
	}
	if add := b.At(1).LastAdd(); add != earlier/int64(time.Second) {
		t.Errorf("the contact was added at %d", add)
	}
}
