package state

import (
	"maps"
	"slices"

	"rollcall/internal/contact"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
)

// respell makes the contacts of the ledger those of a newer rule of e-mails, which this claim is the first to have.
// What SendGrid has as one contact is one here from then on, with one slot: were the old spelling let go of as any
// other contact, its removal would take the new one off the list (H40). A contact that the rule has no place for is
// let go of after the back-fill, under the guard, unless its e-mail is another contact's of ours at SendGrid.
func (s *State) respell() {
	all := s.Roster.Respell(contact.Normalize)
	for _, one := range all {
		if one.To != 0 {
			s.merge(one.From, one.To)
		}
	}
	s.filling = true // what changed is due once the stream was read again
	for _, one := range all {
		h := one.To
		if h == 0 {
			h = one.From
		}
		s.contactChanged(h, roster.Cause{})
	}
	s.filling = false
}

// merge lets one contact stand for another that SendGrid has as the same. One whose request is on its way beside the
// other's is merged when that has ended.
func (s *State) merge(from, to contact.Handle) {
	if s.Flight.Of(from) != nil && s.Flight.Of(to) != nil {
		if s.Meta.Merging == nil {
			s.Meta.Merging = map[contact.Handle]contact.Handle{}
		}
		s.Meta.Merging[from] = to
		s.strip(from)
		return
	}
	delete(s.Meta.Merging, from)
	s.Flight.Rename(from, to)
	for _, h := range []contact.Handle{from, to} {
		s.fewerHeld = s.fewerHeld || s.Book.At(h).Place() == plan.Held
		s.Book.Put(h, plan.Nowhere, 0)
	}
	s.Book.Merge(from, to)
	if old := s.strip(from); old.since != 0 {
		if d := s.Dirty.Put(uint32(to)); d.since == 0 || old.since < d.since {
			d.since = old.since
		}
	}
	if !s.Erasing.Remove(uint32(from)) {
		return
	}
	*s.Erasing.Put(uint32(to)) = true
	for i := range s.Meta.Erasures {
		e := &s.Meta.Erasures[i]
		if at := slices.Index(e.Contacts, uint32(from)); at >= 0 && slices.Contains(e.Contacts, uint32(to)) {
			e.Contacts = slices.Delete(e.Contacts, at, at+1)
		} else if at >= 0 {
			e.Contacts[at] = uint32(to)
		}
	}
}

// merged is the contact to be looked at once a request of this one has ended; zero is none, as a request of the one that
// stands for it is still on its way. Which of two that overlapped was applied last nobody knows: the contact may be on the
// list with any fields, so that it is sent again, or taken off.
func (s *State) merged(h contact.Handle) contact.Handle {
	for _, from := range slices.Sorted(maps.Keys(s.Meta.Merging)) {
		to := s.Meta.Merging[from]
		switch {
		case h != from && h != to:
		case s.Flight.Of(from) == nil && s.Flight.Of(to) == nil:
			s.merge(from, to)
			s.Book.SetListed(to, 0, s.Book.At(to).Mask)
			h = to
		case h == from:
			s.drop(h, true)
			return 0
		}
	}
	return h
}

// strip takes a contact out of its window and of a re-reading, and forgets its fields. It returns what was kept of it.
func (s *State) strip(h contact.Handle) (old dirtyRow) {
	if d := s.Dirty.Get(uint32(h)); d != nil {
		old = *d
	}
	s.Window.Remove(h)
	s.Bulk.PendingRelease.Remove(uint32(h))
	if s.Bulk.Released.Remove(uint32(h)) {
		s.tally(func(t *Tally) { t.Live++ })
	}
	s.drop(h, s.Flight.Of(h) == nil)
	return old
}
