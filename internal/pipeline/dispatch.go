package pipeline

import (
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/ledger"
	"rollcall/internal/plan"
	"rollcall/internal/sendgrid"
)

const (
	maxUpserts  = 4                      // requests of a kind under way at once
	maxRemovals = 4                      // each looks up, removes, and is confirmed
	removeBatch = 100                    // ids of one removal, and e-mails of one look-up
	readsAtOnce = 8192                   // events read again by one request
	linger      = 200 * time.Millisecond // between upserts that are not full
)

// withoutConsent is the suspension that stops everything but erasures.
const withoutConsent = "consent"

// upload is the body of an upsert between its plan and its answer.
type upload struct {
	batch   *sendgrid.Batch
	handles []contact.Handle
	part    bool // of a batch that was refused
}

// need is what a due contact needs.
type need uint8

const (
	nothing need = iota // or not now: whoever ends what keeps it puts it into its window again
	toDelete
	toRemove
	toUpsert
	toRead // its event is read again, for its fields
	needs
)

// offers are contacts that came due, by what they needed then. Each is looked at again before it is used.
type offers [needs][]contact.Handle

// planner gathers what one turn of the loop asks of SendGrid.
type planner struct {
	l       *loop
	now     time.Time
	records []ledger.Record
	next    uint64 // identifier of the next batch
	upserts []contact.Handle
	reads   []contact.Handle
	left    map[contact.Operation]int // requests that may start
	free    int                       // slots
	exempt  bool                      // from the guard: the removals being planned
}

// dispatch plans from committed state alone: intents, contacts that must wait, removals to be held. Two
// things stop it: outcomes that are in the same entry (the state does not have them yet), and trouble
// with SendGrid.
func (l *loop) dispatch(now time.Time, outcomes bool) []ledger.Record {
	l.arm(now)
	l.refill(now)
	l.replay(now)
	l.eraseOn(now)
	l.forgetLongGone(now)
	if outcomes || now.Before(l.quietTill) {
		return nil
	}
	consent := l.suspended != withoutConsent
	if l.suspended != "" && consent {
		l.probe(now)
		return nil
	}
	p := &planner{l: l, now: now, next: l.state.flight.Next(), left: map[contact.Operation]int{
		contact.Upsert: maxUpserts - l.sending[contact.Upsert],
		contact.Remove: maxRemovals - l.sending[contact.Remove],
		contact.Delete: maxRemovals - l.sending[contact.Delete],
	}}
	p.free = l.slots(now)
	l.state.window.Due(now.UnixNano(), p.offer)
	p.remove(contact.Delete, p.sift(toDelete, p.left[contact.Delete]*removeBatch))
	if !l.state.meta.Paused && consent {
		moved, others := p.split(p.uncertain(p.removals()))
		p.exempt = true
		p.remove(contact.Remove, moved)
		p.exempt = false
		p.remove(contact.Remove, p.guarded(others))
		p.within(contact.Upsert, sendgrid.RouteUpsert)
		p.retry()
		p.upsert()
	}
	p.read()
	return p.records
}

// offer sorts a contact by what it needs.
func (p *planner) offer(h contact.Handle) {
	if n := p.need(h); n != nothing {
		p.l.offered[n] = append(p.l.offered[n], h)
	}
}

func (p *planner) need(h contact.Handle) need {
	s := p.l.state
	if due, ok := s.window.Has(h); !ok || due > p.now.UnixNano() || s.flight.Of(h) != nil || p.l.suspect[h] {
		return nothing
	}
	if s.erasing.Get(uint32(h)) != nil {
		return toDelete
	}
	switch s.book.Decide(h, s.roster.Desired(h), s.roster.Hash(h)) {
	case plan.Remove:
		return toRemove
	case plan.Add, plan.Update:
		if _, ok := s.fields(h); ok {
			return toUpsert
		}
		return toRead
	case plan.Nothing:
	}
	return nothing
}

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

// split tells the old halves of moves, which the guard neither counts nor holds, from other removals.
func (p *planner) split(removals []contact.Handle) (moved, others []contact.Handle) {
	for _, h := range removals {
		if d := p.l.state.dirty.Get(uint32(h)); d != nil && d.moved {
			moved = append(moved, h)
		} else {
			others = append(others, h)
		}
	}
	return moved, others
}

// guarded returns the removals that the guard lets go, and holds the rest.
func (p *planner) guarded(removals []contact.Handle) []contact.Handle {
	if len(removals) == 0 {
		return nil
	}
	ok := p.l.state.book.Allowed(p.now.UnixNano(), p.l.opts.Policy.Guard, len(removals))
	if ok < len(removals) {
		p.records = append(p.records, &ledger.Hold{At: p.now.UnixNano(), Handles: removals[ok:]})
	}
	return removals[:ok]
}

// remove cuts removals into batches of what one request can name.
func (p *planner) remove(op contact.Operation, handles []contact.Handle) {
	for len(handles) > 0 && p.left[op] > 0 {
		n := min(len(handles), removeBatch)
		p.intend(op, handles[:n:n], 0)
		handles = handles[n:]
	}
}

func (p *planner) intend(op contact.Operation, handles []contact.Handle, tries int) uint64 {
	id := p.next
	p.next++
	p.left[op]--
	p.l.sending[op]++
	p.records = append(p.records, &ledger.Intent{
		Batch: id, Operation: op, At: p.now.UnixNano(), Tries: tries, Exempt: p.exempt, Handles: handles,
	})
	return id
}

// retry sends in-doubt upserts again: the same content, of those contacts that still want it. What has
// changed since waits for the horizon.
func (p *planner) retry() {
	s := p.l.state
	for _, b := range s.flight.Open() {
		if p.left[contact.Upsert] <= 0 {
			return
		}
		if b.State != flight.Doubt || b.Operation != contact.Upsert || p.now.UnixNano() >= b.Until {
			continue
		}
		var same []contact.Handle
		for _, it := range b.Items {
			if s.roster.Desired(it.Handle) && s.roster.Hash(it.Handle) == it.Hash && p.l.spared[it.Handle] != it.Hash {
				same = append(same, it.Handle)
			}
		}
		p.cutAll(same)
	}
}

// admit gives free slots to those who wait, in order of their place, once their fields are in hand.
// Slots of those whose fields are still being read stay reserved for them.
func (p *planner) admit() {
	s := p.l.state
	if s.book.Count(plan.Waiting) == 0 || p.free == 0 {
		return
	}
	room := min(p.free, readsAtOnce)
	s.book.Head(s.roster.Place, func(h contact.Handle) bool {
		if _, ok := s.fields(h); ok {
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
	if n := len(p.l.offered[toUpsert]); n > 0 && p.worthwhile(n) {
		p.upserts = p.sift(toUpsert, p.left[contact.Upsert]*p.l.opts.Batch.MaxContacts)
	}
	p.admit()
	all := p.slotted(p.upserts)
	for len(all) > 0 && p.left[contact.Upsert] > 0 && p.worthwhile(len(all)) {
		n := p.cut(all)
		if n == 0 {
			return
		}
		all = all[n:]
	}
}

// halved sends the halves of a batch that was refused without a name.
func (p *planner) halved() {
	l := p.l
	for len(l.halves) > 0 && p.left[contact.Upsert] > 0 {
		half := l.halves[0]
		l.halves = l.halves[1:]
		for _, h := range half {
			delete(l.suspect, h)
		}
		still := slices.DeleteFunc(slices.Clone(half), func(h contact.Handle) bool { return p.need(h) != toUpsert })
		if len(still) < len(half) {
			for _, h := range half {
				if p.need(h) != toUpsert {
					p.offer(h)
				}
			}
		}
		first := p.next
		p.cutAll(p.slotted(still))
		for id := first; id < p.next; id++ {
			l.uploads[id].part = true
		}
	}
}

// slotted returns the updates, and the adds that find a slot. The parts of a refused batch have given theirs
// back, and stand in the line like everybody.
func (p *planner) slotted(upserts []contact.Handle) []contact.Handle {
	s := p.l.state
	adds := make([]contact.Handle, 0, len(upserts))
	updates := make([]contact.Handle, 0, len(upserts))
	for _, h := range upserts {
		if at := s.book.At(h); at.Listed() || at.Slot() {
			updates = append(updates, h)
		} else {
			adds = append(adds, h)
		}
	}
	if len(adds) > p.free || s.book.Count(plan.Waiting) > 0 {
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
		if s.roster.Place(a) < s.roster.Place(b) {
			return -1
		}
		return 1
	})
	first, someone := uint64(0), false
	s.book.Head(s.roster.Place, func(h contact.Handle) bool {
		if _, ready := s.fields(h); ready && slices.Contains(adds[:min(len(adds), 1)], h) {
			return true
		}
		first, someone = s.roster.Place(h), true
		return false
	})
	var in, wait []contact.Handle
	for _, h := range adds {
		waits := s.book.At(h).Place() == plan.Waiting
		switch {
		case len(in) < p.free && (waits || !someone || s.roster.Place(h) < first):
			in = append(in, h)
		case !waits:
			wait = append(wait, h)
		}
	}
	if len(wait) > 0 {
		p.records = append(p.records, &ledger.Wait{Handles: wait})
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
		fields, ok := s.fields(h)
		if !ok {
			continue
		}
		l.json = l.encoder.AppendContact(l.json[:0], string(s.roster.Email(h)), fields, s.book.At(h).Mask)
		if !batch.Add(l.json) {
			l.full = len(taken)
			break
		}
		l.state.stats.Uncleared += uint64(l.encoder.Uncleared(fields, s.book.At(h).Mask))
		taken = append(taken, h)
	}
	if len(taken) == 0 {
		batch.Release()
		return n
	}
	l.lastCut = p.now
	id := p.intend(contact.Upsert, taken, 0)
	l.uploads[id] = &upload{batch: batch, handles: taken}
	return n
}

// read asks for the events that hold the fields of contacts which have none in hand.
func (p *planner) read() {
	l := p.l
	if len(l.reading) > 0 || p.now.Before(l.readAt) {
		return
	}
	var gone, asked []contact.Handle
	var sequences []uint64
	for _, h := range append(p.reads, p.sift(toRead, readsAtOnce-min(len(p.reads), readsAtOnce))...) {
		wait, faded := l.replaced(h)
		switch {
		case faded:
			gone = append(gone, h)
		case !wait:
			asked = append(asked, h)
			sequences = append(sequences, l.state.roster.Source(h))
		}
	}
	if len(gone) > 0 {
		p.records = append(p.records, &ledger.Faded{At: p.now.UnixNano(), Handles: gone})
	}
	if len(asked) == 0 {
		return
	}
	for _, h := range asked {
		l.reading[h] = true
	}
	l.readAt = p.now.Add(linger / 4)
	l.reread(asked, sequences)
}

// arm sets the timer for the next thing that is due by time alone.
func (l *loop) arm(now time.Time) {
	next := now.Add(time.Second)
	if due, ok := l.state.window.Next(); ok {
		at := time.Unix(0, due)
		if at.Before(now) {
			at = now.Add(linger / 4) // due, and waiting for a request to end or for its fields
		}
		next = earlier(next, at)
	}
	if now.Before(l.quietTill) {
		next = earlier(next, l.quietTill)
	}
	next = earlier(next, l.followUp(now))
	l.timer.Reset(max(next.Sub(now), time.Millisecond))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
