package pipeline

import (
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/sendgrid"
)

// The part of planning that puts contacts on the list: who gets a slot, and how batches are cut.

// retry sends in-doubt upserts again: the same content, of those contacts that still want it. What has
// changed since waits for the horizon.
func (p *planner) retry() {
	s := p.l.state
	for _, b := range s.Flight.Open() {
		if p.left[contact.Upsert] <= 0 {
			return
		}
		if b.ID < s.Meta.MappedSince {
			continue // under another mapping the same fields are no longer the same content (I4)
		}
		if b.State != flight.Doubt || b.Operation != contact.Upsert || p.now.UnixNano() >= b.Until {
			continue
		}
		var same []contact.Handle
		for _, it := range b.Items {
			if s.Roster.Desired(it.Handle) && s.Roster.Hash(it.Handle) == it.Hash && !p.l.owes(it.Handle) && p.l.spared[it.Handle] != it.Hash {
				same = append(same, it.Handle)
			}
		}
		p.again = s.InBulk(same)
		p.cutAll(same)
		p.again = false
	}
}

// admit gives free slots to those who wait, in order of their place, once their fields are in hand.
// Slots of those whose fields are still being read stay reserved for them.
func (p *planner) admit() {
	s := p.l.state
	if s.Book.Count(plan.Waiting) == 0 || p.free == 0 {
		return
	}
	room := min(p.free, readsAtOnce)
	s.Book.Head(s.Roster.Place, func(h contact.Handle) bool {
		if p.l.owes(h) {
			return false // nobody passes it
		}
		if _, ok := s.Fields(h); ok {
			p.upserts = append(p.upserts, h)
		} else {
			p.reads = append(p.reads, h)
			p.free-- // kept for it
		}
		room--
		return room > 0
	})
}

// upsert cuts the due upserts into batches. An add takes a slot; those that find none wait.
func (p *planner) upsert() {
	p.halved()
	if p.left[contact.Upsert] <= 0 {
		return
	}
	if p.single {
		p.upserts = p.sift(toUpsert, 1)
	} else if n := len(p.l.offered[toUpsert]); n > 0 && p.worthwhile(n) {
		p.upserts = p.sift(toUpsert, p.left[contact.Upsert]*p.l.opts.Batch.MaxContacts)
	}
	p.admit()
	all := p.slotted(p.upserts)
	if p.single {
		all = all[:min(len(all), 1)]
	}
	for len(all) > 0 && p.left[contact.Upsert] > 0 && p.worthwhile(len(all)) {
		n := p.cut(all)
		if n == 0 {
			return
		}
		all = all[n:]
	}
}

// slotted returns the updates, and the adds that find a slot. The parts of a refused batch have given theirs
// back, and stand in the line like everybody.
func (p *planner) slotted(upserts []contact.Handle) []contact.Handle {
	s := p.l.state
	adds := make([]contact.Handle, 0, len(upserts))
	updates := make([]contact.Handle, 0, len(upserts))
	for _, h := range upserts {
		if at := s.Book.At(h); at.Listed() || at.Slot() {
			updates = append(updates, h)
		} else {
			adds = append(adds, h)
		}
	}
	if len(adds) > p.free || s.Book.Count(plan.Waiting) > 0 {
		adds = p.line(adds)
	}
	p.free -= len(adds)
	return append(updates, adds...)
}

// line lets in, in order of place, as many adds as there are free slots; the others wait. Nobody
// passes one who waits already.
func (p *planner) line(adds []contact.Handle) []contact.Handle {
	s := p.l.state
	slices.SortFunc(adds, func(a, b contact.Handle) int {
		if s.Roster.Place(a) < s.Roster.Place(b) {
			return -1
		}
		return 1
	})
	first, someone := uint64(0), false
	s.Book.Head(s.Roster.Place, func(h contact.Handle) bool {
		if _, ready := s.Fields(h); ready && slices.Contains(adds[:min(len(adds), 1)], h) {
			return true
		}
		first, someone = s.Roster.Place(h), true
		return false
	})
	var in, wait []contact.Handle
	for _, h := range adds {
		waits := s.Book.At(h).Place() == plan.Waiting
		switch {
		case len(in) < p.free && (waits || !someone || s.Roster.Place(h) < first):
			in = append(in, h)
		case !waits:
			wait = append(wait, h)
		}
	}
	if len(wait) > 0 {
		p.records = append(p.records, &record.Wait{Handles: wait})
	}
	return in
}

// worthwhile says whether to cut a batch of so many contacts: a full one always, one that is not full at
// once while requests are plentiful, in the rhythm that the budget allows while they are scarce. How many
// make a full one is told by the last ones: bytes count as well.
func (p *planner) worthwhile(n int) bool {
	if n == 0 {
		return false
	}
	if n >= p.l.full {
		return true
	}
	rest := linger
	if b := p.l.opts.Prober.Budget(sendgrid.RouteUpsert); b.Limit > 0 && b.Remaining*4 < b.Limit {
		rest = max(rest, b.Reset.Sub(p.now)/time.Duration(max(b.Remaining, 1)))
	}
	return p.now.Sub(p.l.lastCut) >= rest
}

// cutAll cuts until nothing is left, whatever the size of the batches.
func (p *planner) cutAll(handles []contact.Handle) {
	for len(handles) > 0 {
		handles = handles[p.cut(handles):]
	}
}

// cut encodes as many of the contacts as one request holds and intends it. It returns how many it took.
func (p *planner) cut(handles []contact.Handle) int {
	s, l := p.l.state, p.l
	batch := sendgrid.NewBatch([]string{l.opts.Binding.List}, l.opts.Batch.MaxContacts, l.opts.Batch.MaxBytes)
	n := 0
	taken := make([]contact.Handle, 0, min(len(handles), l.opts.Batch.MaxContacts))
	for ; n < len(handles); n++ {
		h := handles[n]
		fields, ok := s.Fields(h)
		if !ok {
			continue
		}
		l.json = l.encoder.AppendContact(l.json[:0], string(s.Roster.Email(h)), fields, s.Book.At(h).Mask)
		if !batch.Add(l.json) {
			l.full = len(taken)
			break
		}
		l.state.Counts.Uncleared += uint64(l.encoder.Uncleared(fields, s.Book.At(h).Mask))
		taken = append(taken, h)
	}
	if len(taken) == 0 {
		batch.Release()
		return n
	}
	if !p.again {
		l.lastCut = p.now
	}
	id := p.intend(contact.Upsert, taken, 0)
	l.uploads[id] = &upload{batch: batch, handles: taken}
	return n
}
