package pipeline

import (
	"slices"

	"rollcall/internal/contact"
	"rollcall/internal/plan"
)

// need is what a due contact needs.
type need uint8

// offers are contacts that came due, by what they needed then. Each is looked at again before it is used.
type offers [needs][]contact.Handle

// offer sorts a contact by what it needs.
func (p *planner) offer(h contact.Handle) {
	if n := p.need(h); n != nothing {
		p.l.offered[n] = append(p.l.offered[n], h)
	}
}

func (p *planner) need(h contact.Handle) need {
	s := p.l.state
	if due, ok := s.Window.Has(h); !ok || due > p.now.UnixNano() || s.Flight.Of(h) != nil || p.l.suspect[h] || p.taken[h] {
		return nothing
	}
	if s.Erasing.Get(uint32(h)) != nil {
		return toDelete
	}
	n := nothing
	if p.l.owes(h) {
		return n // it is offered once the stream's end is reached
	}
	switch s.Decide(h) {
	case plan.Remove:
		if p.l.sweptAhead(h) {
			return n // it is offered once the fold has passed the end
		}
		n = toRemove
	case plan.Add, plan.Update:
		n = toRead
		if _, ok := s.Fields(h); ok {
			n = toUpsert
		}
	case plan.Nothing:
	}
	if n != nothing && s.Bulk.Released.Get(uint32(h)) != nil {
		n += toRemoveAgain - toRemove
	}
	return n
}

// upserts reports whether the contact is to be put on the list and has its fields in hand.
func (n need) upserts() bool { return n == toUpsert || n == toUpsertAgain }

// sift returns those, a number at most, that still need what they were offered for, each once. The others
// are offered anew for what they need now.
func (p *planner) sift(n need, most int) []contact.Handle {
	offered := p.l.offered[n]
	if len(offered) == 0 || most <= 0 {
		return nil
	}
	kept, seen, i := offered[:0], p.l.seen, 0
	for ; i < len(offered) && len(kept) < most; i++ {
		h := offered[i]
		switch now := p.need(h); {
		case now == n && !seen.Put(uint32(h)):
			kept = append(kept, h)
		case now != n && now != nothing:
			p.l.offered[now] = append(p.l.offered[now], h)
		}
	}
	for _, h := range kept {
		seen.Drop(uint32(h))
	}
	p.l.offered[n] = append(kept, offered[i:]...)
	return slices.Clone(kept)
}
