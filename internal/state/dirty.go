package state

import (
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
)

// contactChanged is told by the roster of each contact whose desire or fields may have changed.
func (s *State) contactChanged(h contact.Handle, c roster.Cause) {
	open := s.Flight.Of(h)
	switch {
	case open != nil:
	case s.filling && s.force && c.InHand:
		s.sendAgain(h)
	case !s.filling && !s.reread:
		s.overtake(h)
	}
	if s.live && s.Fresh != nil {
		s.Fresh.Put(uint32(h))
	}
	if s.sweeping && s.Swept != nil {
		s.Swept.Put(uint32(h))
	}
	desired, hash := s.Roster.Desired(h), s.Roster.Hash(h)
	if open == nil && s.Erasing.Get(uint32(h)) == nil && s.Decide(h) == plan.Nothing {
		s.clean(h)
		return
	}
	d := s.Dirty.Put(uint32(h))
	if d.since == 0 {
		d.since = s.changedAt()
	}
	if desired || c.Moved {
		d.moved = !desired && !s.filling // the old half of a move that an event caused
	}
	d.approved = !desired && (d.approved || s.approving)
	if desired {
		s.Passed.Remove(uint32(h))
	}
	if !desired && open == nil {
		s.drop(h, false) // a removal needs none, and should it be desired again these may be another's
	}
	if !s.leavePlace(h, d, desired, c) {
		s.shrink(h)
		return
	}
	if c.InHand && desired && !s.filling {
		s.keep(h, c.Fields, hash)
	}
	touched := s.Bulk.PendingRelease.Get(uint32(h)) != nil
	switch {
	case open != nil:
		d.changed = s.at
	case s.filling && !touched && desired && s.due(h):
		// It was changed by live traffic, and what is read again says the same: that goes its way.
	case s.filling:
		s.Bulk.Released.Remove(uint32(h))
		s.Bulk.PendingRelease.Put(uint32(h)) // due once the reading has reached the cursor
		s.Window.Remove(h)
	case s.Reading() && touched:
		s.Window.Remove(h)
	case s.reread:
		s.Window.Put(s.at, s.at, h)
	default:
		s.Window.Change(s.at, h)
	}
}

// changedAt is when the change being applied was made, in unix milliseconds. One that a re-reading finds is no older than
// the reading: until then nobody could know it.
func (s *State) changedAt() int64 {
	if s.filling {
		return s.at / int64(time.Millisecond)
	}
	return s.rowTime
}

// due reports whether the contact is in its window with the fields that are desired in hand.
func (s *State) due(h contact.Handle) bool {
	_, ok := s.Fields(h)
	if !ok {
		return false
	}
	_, ok = s.Window.Has(h)
	return ok
}

// leavePlace takes a changed contact out of the place that it is kept in, where the change ends what kept it
// there, and reports whether it did.
func (s *State) leavePlace(h contact.Handle, d *dirtyRow, desired bool, c roster.Cause) bool {
	switch s.Book.At(h).Place() {
	case plan.Waiting:
		if c.InHand && s.reread {
			s.keep(h, c.Fields, s.Roster.Hash(h))
		}
		return false
	case plan.Held:
		if !desired {
			return false
		}
		s.fewerHeld = true
		s.Book.Put(h, plan.Nowhere, 0)
	case plan.Refused:
		// A newer event that says the same tries anew: the letter is of one that is not the contact's any more, so that no
		// retry could.
		newer := c.InHand && !s.reread && !s.filling
		if desired && d.hash == s.refusedVersion(h) && !newer {
			return false
		}
		s.Book.Put(h, plan.Nowhere, 0)
	case plan.Nowhere:
	}
	return true
}

// clean notes that SendGrid has what is desired.
func (s *State) clean(h contact.Handle) {
	if s.Window.Remove(h) {
		s.Counts.Coalesced++
	}
	if place := s.Book.At(h).Place(); place != plan.Nowhere {
		s.fewerHeld = s.fewerHeld || place == plan.Held
		s.Book.Put(h, plan.Nowhere, 0)
	}
	if s.Flight.Of(h) == nil {
		s.Book.Release(h) // a slot that was kept for it while it was made anew
	}
	s.untouch(h)
	s.drop(h, true)
}

// evaluate compares a contact that is on no way any more with what is desired, and puts it in its
// window where they differ.
func (s *State) evaluate(h contact.Handle, due int64) {
	if h = s.merged(h); h == 0 {
		return
	}
	if s.Erasing.Get(uint32(h)) == nil && s.Decide(h) == plan.Nothing {
		s.clean(h)
		return
	}
	d := s.Dirty.Put(uint32(h))
	if d.since == 0 {
		d.since = due / int64(time.Millisecond)
	}
	if d.changed != 0 {
		due = max(due, d.changed+int64(s.Policy.Window.Quiet))
		d.changed = 0
	}
	s.Window.Put(s.at, due, h)
}

// OldestUnapplied returns the broker time, in unix milliseconds, of the oldest change that is in a window, on its
// way or in doubt; zero is none. It looks at every dirty contact.
func (s *State) OldestUnapplied() int64 {
	var oldest int64
	for _, h := range s.Dirty.Rows.Handles() {
		since := s.Dirty.Rows.Get(h).since
		if since > 0 && (oldest == 0 || since < oldest) && s.Book.At(contact.Handle(h)).Place() == plan.Nowhere {
			oldest = since
		}
	}
	return oldest
}

// park moves contacts out of their window to a place that keeps none of their fields.
func (s *State) park(handles []contact.Handle, p plan.Place) {
	for _, h := range handles {
		s.Window.Remove(h)
		s.drop(h, false)
		s.Book.Put(h, p, s.Roster.Place(h))
		s.Passed.Remove(uint32(h))
		s.shrink(h)
		s.stays(h)
	}
}
