package state

import (
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
)

// The records of this file come seldom: commands and forgetting.

func (s *State) command(c *record.Command) {
	s.at = c.At
	s.Meta.Commands = append(s.Meta.Commands, *c)
	if n := len(s.Meta.Commands); n > CommandsKept {
		s.Meta.Commands = append([]record.Command(nil), s.Meta.Commands[n-CommandsKept:]...)
	}
	switch c.Name {
	case "pause":
		s.Meta.Paused = true
	case "resume":
		s.Meta.Paused = false
	case "flush":
		for _, h := range append([]uint32(nil), s.Window.Handles()...) {
			s.Window.Put(c.At, c.At, contact.Handle(h))
		}
	case "approve":
		s.approve()
	}
}

// unhold puts every held contact back into its window, due at once. An approved one passes the guard from now on,
// until it is off the list or something wants it back: tries without effect use no approval up (H39).
func (s *State) unhold(approved bool) {
	for h := contact.Handle(1); uint32(h) < s.Roster.Contacts(); h++ {
		if s.Book.At(h).Place() == plan.Held {
			s.Book.Put(h, plan.Nowhere, 0)
			s.evaluate(h, s.at)
			if d := s.Dirty.Get(uint32(h)); d != nil && approved {
				d.approved = true
			}
		}
	}
}

// forget lets go of the long departed, and of contacts that nothing names and SendGrid does not have.
func (s *State) forget(before int64) {
	if s.Roster.Forget(before) > 0 {
		s.sweepIdle()
	}
}

// sweepIdle releases the rows of contacts that nothing names any more and SendGrid does not have for us; their
// e-mails are overwritten.
func (s *State) sweepIdle() {
	named := s.named()
	for h := contact.Handle(1); uint32(h) < s.Roster.Contacts(); h++ {
		if _, dirty := s.Dirty.Look(uint32(h)); !dirty && s.Roster.Idle(h) && !s.Book.At(h).Listed() && s.Flight.Of(h) == nil && !named[uint32(h)] {
			s.Book.Forget(h)
			s.Bulk.PendingRelease.Remove(uint32(h))
			s.Roster.Release(h)
		}
	}
}
