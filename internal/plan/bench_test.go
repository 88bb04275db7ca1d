package plan

import (
	"testing"

	"rollcall/internal/contact"
)

// The plan of one contact: what is to be done, a slot, and that it was applied.
func BenchmarkPlanContact(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		book := NewBook()
		for h := contact.Handle(1); h <= n; h++ {
			if book.Decide(h, true, uint64(h)) != Add || book.Free(n) == 0 {
				b.Fatal("a new contact takes a slot")
			}
			book.Adding(h, 1)
			book.SetListed(h, uint64(h), 1)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/contact")
}

// The line of those who wait: in, and out in the order of their places.
func BenchmarkWaitAndTakeTurns(b *testing.B) {
	const n = 100_000
	place := func(h contact.Handle) uint64 { return uint64(n - h) }
	for b.Loop() {
		book := NewBook()
		for h := contact.Handle(1); h <= n; h++ {
			book.Put(h, Waiting, place(h))
		}
		out := 0
		book.Head(place, func(contact.Handle) bool { out++; return true })
		if out != n {
			b.Fatalf("%d of %d had their turn", out, n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/contact")
}
