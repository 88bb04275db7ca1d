package roster

import (
	"fmt"
	"testing"

	"rollcall/internal/contact"
)

// The fold of one event: of somebody new, and of somebody who is known.
func BenchmarkFold(b *testing.B) {
	const n = 100_000
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{
			Entered: true, Carries: true, Profile: fmt.Appendf(nil, "5f0c2a9e-77aa-4b1c-9d5e-%012d", i),
			Email: fmt.Appendf(nil, "person.%07d@example.com", i), Fields: []byte("fields"),
		}
	}
	quiet := func(contact.Handle, Cause) {}
	fold := func(r *Roster, first uint64) {
		for i := range rows {
			rows[i].Sequence, rows[i].Hash = first+uint64(i), first+1
			r.Fold(rows[i], quiet)
		}
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			r := New([]byte("salt"))
			r.Select([]string{"everybody"})
			fold(r, 1)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
	})
	b.Run("known", func(b *testing.B) {
		r := New([]byte("salt"))
		r.Select([]string{"everybody"})
		sequence := uint64(1)
		for b.Loop() {
			fold(r, sequence)
			sequence += n
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
	})
}

// The fold of an event of somebody known is on every event's way: it allocates nothing.
func TestTheFoldOfSomebodyKnownAllocatesNothing(t *testing.T) {
	r := New([]byte("salt"))
	r.Select([]string{"everybody"})
	row := Row{Entered: true, Carries: true, Profile: []byte("5f0c2a9e-77aa-4b1c-9d5e-000000000001"), Email: []byte("person@example.com"), Hash: 1}
	quiet := func(contact.Handle, Cause) {}
	fold := func() { row.Sequence++; row.Hash++; r.Fold(row, quiet) }
	fold()
	if n := testing.AllocsPerRun(50, fold); n > 0 {
		t.Errorf("%v allocations an event", n)
	}
}
