package pipeline

import (
	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/plan"
)

// The records of this file come seldom: commands and forgetting.

func (s *State) command(c *ledger.Command) {
	s.at = c.At
	s.meta.Commands = append(s.meta.Commands, *c)
	if n := len(s.meta.Commands); n > commandsKept {
		s.meta.Commands = append([]ledger.Command(nil), s.meta.Commands[n-commandsKept:]...)
	}
	switch c.Name {
	case "pause":
		s.meta.Paused = true
	case "resume":
		s.meta.Paused = false
	case "flush":
		for _, h := range append([]uint32(nil), s.window.Handles()...) {
			s.window.Put(c.At, c.At, contact.Handle(h))
		}
	case "approve":
		s.approve()
	}
}

// unhold puts every held contact back into its window, due at once. An approved one passes the guard from now on,
// until it is off the list or something wants it back: tries without effect use no approval up (H39).
func (s *State) unhold(approved bool) {
	for h := contact.Handle(1); uint32(h) < s.roster.Contacts(); h++ {
		if s.book.At(h).Place() == plan.Held {
			s.book.Put(h, plan.Nowhere, 0)
			s.evaluate(h, s.at)
			if d := s.dirty.Get(uint32(h)); d != nil && approved {
				d.approved = true
			}
		}
	}
}

// forget lets go of the long departed, and of contacts that nothing names and SendGrid does not have.
func (s *State) forget(before int64) {
	if s.roster.Forget(before) > 0 {
		s.sweepIdle()
	}
}

// sweepIdle releases the rows of contacts that nothing names any more and SendGrid does not have for us; their
// e-mails are overwritten.
func (s *State) sweepIdle() {
	named := s.named()
	for h := contact.Handle(1); uint32(h) < s.roster.Contacts(); h++ {
		if _, dirty := s.dirty.Look(uint32(h)); !dirty && s.roster.Idle(h) && !s.book.At(h).Listed() && s.flight.Of(h) == nil && !named[uint32(h)] {
			s.book.Forget(h)
			s.bulk.touched.Remove(uint32(h))
			s.roster.Release(h)
		}
	}
}
