package pipeline

import (
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
)

// takeOff plans removals from the list: those that the guard lets go. It neither counts nor holds the old halves of
// moves, and removals that an operator approved. What it let go before it lets go again, without asking for more.
func (p *planner) takeOff(removals []contact.Handle) {
	free, passed, others := p.l.state.ByGuard(p.uncertain(removals))
	p.exempt = true
	p.remove(contact.Remove, free)
	p.exempt = false
	p.remove(contact.Remove, append(passed, p.guarded(others)...))
}

// guarded returns the removals that the guard lets go, and holds the rest.
func (p *planner) guarded(removals []contact.Handle) []contact.Handle {
	if len(removals) == 0 {
		return nil
	}
	ok := p.allowed(len(removals))
	p.asked += len(removals)
	if ok < len(removals) {
		p.records = append(p.records, &record.Hold{At: p.now.UnixNano(), Handles: removals[ok:]})
	}
	return removals[:ok]
}

// allowed is how many more removals the guard lets go now. What was asked in this turn counts: live removals and those
// of a re-reading share its room.
func (p *planner) allowed(removals int) int {
	s := p.l.state
	return s.Book.Allowed(p.now.UnixNano(), p.l.opts.Policy.Guard, s.Passed.Len()+p.asked, removals)
}
