// Package plan decides what SendGrid is asked: who is put on the list, who is taken off, who waits for
// a slot and whose removal is held. Its Book is how contacts stand at SendGrid, as far as that was
// confirmed.
//
// It guarantees that no more contacts than the cap hold a slot, that waiting contacts come up in order
// of the sequence that made them desired (I5), that a listed contact is never evicted, and that
// removals above the guard are held. It is pure (I14) and keyed by handle: e-mails and fields are
// elsewhere.
package plan

import (
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/wire"
)

// Place is where a dirty contact is kept that is neither in its window nor on its way.
type Place uint8

// The places.
const (
	Nowhere Place = iota
	Waiting       // desired, but no slot is free
	Held          // its removal is above the guard
	Refused       // SendGrid would not have it at this version of its fields
)

// Book is how every contact stands.
type Book struct {
	rows    dense.Records // Standings; see standing.go
	listed  int
	adding  int // slots of adds of contacts that are not listed
	places  [4]int
	line    line // of the waiting, by the sequence that made them desired
	guard   guard
	refusal map[contact.Handle]string
	scratch []byte
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{refusal: map[contact.Handle]string{}} }

// At returns the contact's standing, to be read: looking makes no room, so that it changes no snapshot (I13).
func (b *Book) At(h contact.Handle) Standing { return standing(b.rows.Get(uint32(h))) }

// set keeps a contact's standing.
func (b *Book) set(h contact.Handle, s Standing) {
	b.rows.Grow(uint32(h))
	if s == (Standing{}) {
		b.rows.Drop(uint32(h))
		return
	}
	b.scratch = s.append(b.scratch[:0])
	b.rows.Set(uint32(h), b.scratch)
}

// Listed returns how many contacts are confirmed on the list.
func (b *Book) Listed() int { return b.listed }

// Slots returns how many contacts hold a slot: listed, or an add on its way or in doubt.
func (b *Book) Slots() int { return b.listed + b.adding }

// Count returns how many contacts are kept in a place.
func (b *Book) Count(p Place) int { return b.places[p] }

// Refusal returns SendGrid's reason for refusing the contact.
func (b *Book) Refusal(h contact.Handle) string { return b.refusal[h] }

// Put keeps the contact in a place. seq is its place in the line where it waits.
func (b *Book) Put(h contact.Handle, p Place, seq uint64) {
	s := b.At(h)
	b.places[s.Place()]--
	b.places[p]++
	if s.Place() == Refused && p != Refused {
		delete(b.refusal, h)
	}
	s.flags = s.flags&^(places<<placeShift) | uint8(p)<<placeShift
	b.set(h, s)
	switch {
	case p == Waiting:
		b.line.push(seq, h)
	case b.places[Waiting] == 0:
		b.line = b.line[:0] // nobody waits: turns that are left no longer hold
	}
}

// Refuse parks the contact with SendGrid's reason until a newer change or a retry.
func (b *Book) Refuse(h contact.Handle, reason string) {
	b.Put(h, Refused, 0)
	b.refusal[h] = reason
}

// Adding notes that an upsert of the contact starts at a time: one that is not listed takes a slot.
func (b *Book) Adding(h contact.Handle, unix int64) {
	s := b.At(h)
	if s.Never() {
		s.flags |= fresh
	}
	s.add = uint32(unix)
	b.set(h, s)
	b.Reserve(h)
}

// Clamp lets nothing have happened later than now: the clock may have been set back, and neither the guard nor a look-up waits
// for the time that it was.
func (b *Book) Clamp(now int64) {
	unix := uint32(now / int64(time.Second))
	for h := range contact.Handle(b.rows.Len()) {
		if s := b.At(h); s.add > unix {
			s.add = unix
			b.set(h, s)
		}
	}
	for n := range b.guard.slots {
		b.guard.slots[n].at = min(b.guard.slots[n].at, now)
	}
}

// Taken notes that a try to add the contact may have an effect: SendGrid took it, or gave no answer.
func (b *Book) Taken(h contact.Handle) {
	if s := b.At(h); s.flags&fresh != 0 {
		s.flags &^= fresh
		b.set(h, s)
	}
}

// Reserve keeps a slot for a contact that is to be made anew.
func (b *Book) Reserve(h contact.Handle) {
	if s := b.At(h); s.flags&(listed|slot) == 0 {
		s.flags |= slot
		b.set(h, s)
		b.adding++
	}
}

// Release gives the slot of an add back that certainly had no effect, or was settled.
func (b *Book) Release(h contact.Handle) {
	if s := b.At(h); s.flags&slot != 0 {
		s.flags &^= slot
		b.set(h, s)
		b.adding--
	}
}

// SetListed notes that SendGrid has the contact on the list with these fields.
func (b *Book) SetListed(h contact.Handle, hash, mask uint64) {
	b.Release(h)
	s := b.At(h)
	if s.flags&listed == 0 {
		s.flags |= listed
		b.listed++
	}
	s.Hash, s.Mask = hash, mask
	s.flags &^= fresh
	b.set(h, s)
}

// SetUnknown notes that a listed contact may have other fields at SendGrid than was believed.
func (b *Book) SetUnknown(h contact.Handle) {
	s := b.At(h)
	s.Hash = 0
	b.set(h, s)
}

// SetUnlisted notes that SendGrid does not have the contact on the list. What was sent for it stays
// remembered: its text fields must still be cleared should it come back.
func (b *Book) SetUnlisted(h contact.Handle) {
	b.Release(h)
	s := b.At(h)
	if s.flags&listed != 0 {
		s.flags &^= listed
		b.listed--
	}
	s.Hash, s.since = 0, 0
	b.set(h, s)
}

// Gone forgets everything about a contact that was deleted at SendGrid.
func (b *Book) Gone(h contact.Handle) {
	b.SetUnlisted(h)
	s := b.At(h)
	s.Mask, s.add, s.by = 0, 0, 0
	s.flags &^= fresh
	b.set(h, s)
}

// Sent notes which fields may have a value at SendGrid from now on, and whose they are.
func (b *Book) Sent(h contact.Handle, mask uint64, profile uint32) {
	s := b.At(h)
	s.Mask |= mask
	s.by = uint16(profile)
	b.set(h, s)
}

// Decision is what a due contact needs.
type Decision uint8

// The decisions.
const (
	Nothing Decision = iota
	Add              // it is desired and not listed
	Update           // it is listed with other fields
	Remove           // it is listed and nothing selects it
)

// Decide compares what is desired with how the contact stands.
func (b *Book) Decide(h contact.Handle, desired bool, hash uint64) Decision {
	s := b.At(h)
	switch {
	case desired && !s.Listed():
		return Add
	case desired && s.Hash != hash:
		return Update
	case !desired && s.Listed():
		return Remove
	}
	return Nothing
}

// Free returns how many slots are free under a cap; cap zero is none.
func (b *Book) Free(limit int) int {
	if limit == 0 {
		return int(^uint(0) >> 1)
	}
	return max(0, limit-b.Slots())
}

// Head calls visit for the waiting in order of their place, until it returns false. placeOf tells a
// contact's place now, to pass over entries of the line that no longer hold.
func (b *Book) Head(placeOf func(contact.Handle) uint64, visit func(contact.Handle) bool) {
	b.compact(placeOf)
	var out []turn
	last := contact.Handle(0)
	for len(b.line) > 0 {
		t := b.line.pop()
		if b.At(t.h).Place() != Waiting || placeOf(t.h) != t.place || t.h == last {
			continue
		}
		last = t.h
		out = append(out, t)
		if !visit(t.h) {
			break
		}
	}
	for _, t := range out {
		b.line.push(t.place, t.h)
	}
}

// spareTurns is how many turns that no longer hold the line may have, beside as many as contacts wait.
const spareTurns = 1024

// compact keeps only turns that hold once most of the line does not: whoever comes and goes leaves a turn each time.
func (b *Book) compact(placeOf func(contact.Handle) uint64) {
	if len(b.line) <= 2*b.places[Waiting]+spareTurns {
		return
	}
	held := make(line, 0, b.places[Waiting])
	seen := make(map[contact.Handle]bool, b.places[Waiting])
	for _, t := range b.line {
		if b.At(t.h).Place() == Waiting && placeOf(t.h) == t.place && !seen[t.h] {
			seen[t.h] = true
			held.push(t.place, t.h)
		}
	}
	b.line = held
}

// Append appends the book to dst.
func (b *Book) Append(dst []byte) []byte {
	dst = wire.Uint(dst, uint64(b.rows.Len()))
	for h := uint32(1); h < b.rows.Len(); h++ {
		s := b.At(contact.Handle(h))
		dst = append(dst, s.flags)
		dst = wire.Uint(dst, uint64(s.add))
		if s.add != 0 || s.flags != 0 {
			dst = wire.Uint(wire.Uint(wire.Fixed(dst, s.Hash), s.Mask), uint64(s.by))
		}
		if s.Place() == Refused {
			dst = wire.String(dst, b.refusal[contact.Handle(h)])
		}
	}
	return b.guard.append(dst)
}

// Load reads what Append wrote into an empty book. placeOf tells a waiting contact's place.
func (b *Book) Load(body []byte, placeOf func(contact.Handle) uint64) error {
	in := wire.NewReader(body)
	n := uint32(in.Count())
	for h := uint32(1); h < n && in.Err() == nil; h++ {
		s := Standing{flags: in.Byte()}
		s.add = uint32(in.Uint())
		if s.add != 0 || s.flags != 0 {
			s.Hash = in.Fixed()
			s.Mask = in.Uint()
			s.by = uint16(in.Uint())
		}
		b.set(contact.Handle(h), s)
		if s.Listed() {
			b.listed++
		}
		if s.Slot() {
			b.adding++
		}
		b.places[s.Place()]++
		switch s.Place() {
		case Waiting:
			b.line.push(placeOf(contact.Handle(h)), contact.Handle(h))
		case Refused:
			b.refusal[contact.Handle(h)] = in.String()
		default: // nothing more is kept of it
		}
	}
	b.guard.load(in)
	return in.Err()
}

// Merge lets one contact stand for another that SendGrid has as the same; both are nowhere. Which fields SendGrid has
// is not known if either was listed beside the other.
func (b *Book) Merge(from, to contact.Handle) {
	f := b.At(from)
	slotted := f.Slot()
	b.Gone(from)
	b.Forget(from)
	t := b.At(to)
	t.Mask |= f.Mask
	if f.add > t.add {
		t.add, t.by = f.add, f.by
	}
	b.set(to, t)
	switch {
	case f.Listed():
		if b.SetListed(to, 0, t.Mask); t.since == 0 {
			b.SetSince(to, f.since)
		}
	case slotted:
		b.Reserve(to)
	}
}

// Forget clears the standing of a contact whose row is released.
func (b *Book) Forget(h contact.Handle) { b.set(h, Standing{}) }
