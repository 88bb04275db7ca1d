package state

import (
	"rollcall/internal/contact"
	"rollcall/internal/flight"
)

// taken notes that a batch of upserts may have an effect.
func (s *State) taken(b *flight.Batch) {
	if b == nil || b.Operation != contact.Upsert {
		return
	}
	for _, it := range b.Items {
		s.Book.Taken(it.Handle)
	}
}
