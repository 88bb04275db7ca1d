package state

import (
	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/plan"
	"rollcall/internal/wire"
)

// bulk is what a replay or back-fill makes of contacts beside live traffic: those that it touched are not due
// before the reading has ended; then they become due little by little, and until their end are sent within the
// share of the rate budget. Of a touched contact no fields are kept: they are read again when it is sent (I11).
type bulk struct {
	PendingRelease dense.Sparse[mark] // not due yet
	Released       dense.Sparse[mark] // due, or on their way, or kept by what they were due for
	ReleasedAt     int64              // when contacts became due last; not kept
}

// mark is what is noted of such a contact.
type mark uint8

// The marks.
const (
	Resend mark = 1 << iota // it is sent whatever SendGrid is believed to have
	lively                  // live traffic changed it while the stream was read: it is due as its, not as ours
)

func appendSet[T any](dst []byte, set *dense.Sparse[T]) []byte {
	dst = wire.Uint(dst, uint64(set.Len()))
	for _, h := range set.Handles() {
		dst = wire.Uint(dst, uint64(h))
	}
	return dst
}

// appendMarks appends what the set of touched contacts does not say; nothing where there is nothing to say, as
// earlier builds wrote it.
func (b *bulk) appendMarks(dst []byte) []byte {
	said := b.Released.Len() > 0
	for _, h := range b.PendingRelease.Handles() {
		said = said || *b.PendingRelease.Get(h) != 0
	}
	if !said {
		return dst
	}
	for _, h := range b.PendingRelease.Handles() {
		dst = append(dst, byte(*b.PendingRelease.Get(h)))
	}
	dst = appendSet(dst, &b.Released)
	for _, h := range b.Released.Handles() {
		dst = append(dst, byte(*b.Released.Get(h)))
	}
	return dst
}

func (b *bulk) load(in *wire.Reader) {
	marks := func(set *dense.Sparse[mark]) {
		for _, h := range set.Handles() {
			*set.Get(h) = mark(in.Byte())
		}
	}
	handles := func(set *dense.Sparse[mark]) {
		for range in.Count() {
			set.Put(uint32(in.Uint()))
		}
	}
	handles(&b.PendingRelease)
	if in.Len() > 0 {
		marks(&b.PendingRelease)
		handles(&b.Released)
		marks(&b.Released)
	}
}

// Decide is what a contact needs: also one that SendGrid is believed to have as desired, where a forced replay
// sends it again.
func (s *State) Decide(h contact.Handle) plan.Decision {
	desired := s.Roster.Desired(h)
	d := s.Book.Decide(h, desired, s.Roster.Hash(h))
	if m := s.Bulk.Released.Get(uint32(h)); d == plan.Nothing && desired && m != nil && *m&Resend != 0 {
		return plan.Update
	}
	return d
}

// sendAgain notes that a forced replay sends a listed contact again.
func (s *State) sendAgain(h contact.Handle) {
	at := s.Book.At(h)
	if at.Listed() && at.Place() == plan.Nowhere && s.Roster.Desired(h) && s.Erasing.Get(uint32(h)) == nil {
		s.Bulk.Released.Remove(uint32(h))
		*s.Bulk.PendingRelease.Put(uint32(h)) |= Resend
	}
}

// overtake hands a contact that live traffic changed over to it. While the stream is being read what is desired is
// not whole yet, so that it is not due before.
func (s *State) overtake(h contact.Handle) {
	set := &s.Bulk.PendingRelease
	m := set.Get(uint32(h))
	if m != nil && s.Reading() {
		*m |= lively
		return
	}
	if m == nil {
		set = &s.Bulk.Released
		m = set.Get(uint32(h))
	}
	if m == nil {
		return
	}
	was := *m
	set.Remove(uint32(h))
	s.tally(func(t *Tally) { t.Live++ })
	s.resend(h, was)
}

// resend makes a contact that a forced replay wanted sent differ from what SendGrid is believed to have.
func (s *State) resend(h contact.Handle, m mark) {
	if m&Resend != 0 && s.IsListed(h) && s.Roster.Desired(h) && s.Flight.Of(h) == nil {
		s.Book.SetUnknown(h)
	}
}

// untouch forgets that a re-reading touched a contact that needs nothing, unless it is sent in any case.
func (s *State) untouch(h contact.Handle) {
	if m := s.Bulk.PendingRelease.Get(uint32(h)); m != nil && *m&Resend == 0 {
		s.Bulk.PendingRelease.Remove(uint32(h))
	}
	if s.Bulk.Released.Remove(uint32(h)) {
		s.tally(func(t *Tally) { t.Live++ })
	}
}

// heldBack counts the dirty contacts that a re-reading touched and that are not due yet: the dirty ones besides those
// that are told elsewhere.
func (s *State) heldBack(elsewhere int) int {
	return min(s.Bulk.PendingRelease.Len(), max(0, s.Dirty.Len()-elsewhere))
}

// InBulk reports whether the batch is of contacts that became due by a re-reading.
func (s *State) InBulk(handles []contact.Handle) bool {
	return len(handles) > 0 && s.Bulk.Released.Get(uint32(handles[0])) != nil
}

// inReplay is how a re-reading has the contact, for people; empty where none does.
func (s *State) inReplay(h contact.Handle) string {
	switch {
	case s.Bulk.PendingRelease.Get(uint32(h)) != nil && s.Reading():
		return "due once the stream is read"
	case s.Bulk.PendingRelease.Get(uint32(h)) != nil:
		return "due in its turn"
	case s.Bulk.Released.Get(uint32(h)) != nil:
		return "being sent"
	}
	return ""
}
