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
