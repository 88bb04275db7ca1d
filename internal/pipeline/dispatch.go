package pipeline

import (
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/health"
	"rollcall/internal/ledger/record"
	"rollcall/internal/sendgrid"
)

const (
	maxUpserts  = 4                      // requests of a kind under way at once
	maxRemovals = 4                      // each looks up, removes, and is confirmed
	removeBatch = 100                    // ids of one removal, and e-mails of one look-up
	readsAtOnce = 8192                   // events read again by one request
	linger      = 200 * time.Millisecond // between upserts that are not full
)

// upload is the body of an upsert between its plan and its answer.
type upload struct {
	batch   *sendgrid.Batch
	handles []contact.Handle
	part    bool // of a batch that was refused
}

const (
	nothing need = iota // or not now: whoever ends what keeps it puts it into its window again
	toDelete
	toRemove
	toUpsert
	toRead // its event is read again, for its fields
	toRemoveAgain
	toUpsertAgain
	toReadAgain // the same by a replay or back-fill, whose requests keep to its share
	needs
)

// planner gathers what one turn of the loop asks of SendGrid.
type planner struct {
	l       *loop
	now     time.Time
	records []record.Record
	next    uint64 // identifier of the next batch
	upserts []contact.Handle
	reads   []contact.Handle
	left    map[contact.Operation]int // requests that may start
	free    int                       // slots
	taken   map[contact.Handle]bool   // parts of a refused batch that this turn has decided on
	exempt  bool                      // from the guard: the removals being planned
	asked   int                       // of the guard in this turn
	single  bool                      // one request of a kind at a time
	again   bool                      // within the share: what is being planned is a re-reading's
}

// dispatch plans from committed state alone: intents, contacts that must wait, removals to be held. Two
// things stop it: outcomes that are in the same entry (the state does not have them yet), and trouble
// with SendGrid.
func (l *loop) dispatch(now time.Time, outcomes bool) []record.Record {
	l.arm(now)
	l.refill(now)
	l.replay(now)
	l.catchingUp(now)
	l.sweptOn(now)
	l.letGo(now)
	l.eraseOn(now)
	l.exportBarred(now)
	l.forgetLongGone(now)
	if outcomes {
		return nil
	}
	permit := l.health.Permit(now)
	switch {
	case permit == health.Permit{}:
		return nil
	case permit.Check:
		l.askCheck()
		return nil
	case l.health.Probes():
		return l.beside(l.planner(now), permit)
	}
	consent := permit.All
	p := l.planner(now)
	p.throttle(permit)
	l.state.Window.Due(now.UnixNano(), p.offer)
	if !consent {
		l.offered.thin(p)
	}
	if l.offering() {
		l.opts.at(AtDue)
	}
	p.remove(contact.Delete, p.sift(toDelete, p.left[contact.Delete]*removeBatch))
	if !l.state.Meta.Paused && consent {
		p.takeOff(p.removals())
		p.removeAgain()
		p.within(contact.Upsert, sendgrid.RouteUpsert)
		if !l.remapping() {
			p.retry()
			p.upsert()
			p.upsertAgain()
		}
	}
	p.read()
	if len(p.records) > 0 {
		l.opts.at(AtPlanned)
	}
	return p.records
}

// planner begins a turn's planning.
func (l *loop) planner(now time.Time) *planner {
	return &planner{l: l, now: now, free: l.slots(now), next: l.state.Flight.Next(), taken: map[contact.Handle]bool{}, left: map[contact.Operation]int{
		contact.Upsert: maxUpserts - l.sending[contact.Upsert],
		contact.Remove: maxRemovals - l.sending[contact.Remove],
		contact.Delete: maxRemovals - l.sending[contact.Delete],
	}}
}

// throttle lets one request of a kind go at a time while SendGrid takes none, so that an outage leaves in doubt what was under
// way when it began, and hardly more: who is in doubt waits for the horizon, everybody else goes at full speed once one was taken.
func (p *planner) throttle(permit health.Permit) {
	if p.single = permit.Single; !p.single {
		return
	}
	for op := range p.left {
		p.left[op] = max(0, 1-p.l.sending[op])
	}
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
	if p.again {
		p.l.sharing[op]++
		p.l.shared[id] = true
	}
	p.records = append(p.records, &record.Intent{
		Batch: id, Operation: op, At: p.now.UnixNano(), Tries: tries, Exempt: p.exempt, Handles: handles,
	})
	return id
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
		still := slices.DeleteFunc(slices.Clone(half), func(h contact.Handle) bool { return !p.need(h).upserts() })
		if len(still) < len(half) {
			for _, h := range half {
				if !p.need(h).upserts() {
					p.offer(h)
				}
			}
		}
		first := p.next
		p.again = l.state.InBulk(still)
		p.cutAll(p.slotted(still))
		p.again = false
		for _, h := range still {
			p.taken[h] = true // they were offered as well, and go once
		}
		for id := first; id < p.next; id++ {
			l.uploads[id].part = true
		}
	}
}

// read asks for the events that hold the fields of contacts which have none in hand.
func (p *planner) read() {
	l := p.l
	if len(l.reading) > 0 || p.now.Before(l.readAt) {
		return
	}
	var gone, asked []contact.Handle
	var sequences []uint64
	wanted := append(p.reads, p.sift(toRead, readsAtOnce-min(len(p.reads), readsAtOnce))...)
	wanted = append(wanted, p.sift(toReadAgain, readsAtOnce-min(len(wanted), readsAtOnce))...)
	for _, h := range wanted {
		wait, faded := l.replaced(h, p.now)
		switch {
		case faded:
			gone = append(gone, h)
		case !wait:
			asked = append(asked, h)
			sequences = append(sequences, l.state.Roster.Source(h))
		}
	}
	if len(gone) > 0 {
		p.records = append(p.records, &record.Faded{At: p.now.UnixNano(), Handles: gone})
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
	if due, ok := l.state.Window.Next(); ok {
		at := time.Unix(0, due)
		if at.Before(now) {
			at = now.Add(linger / 4) // due, and waiting for a request to end or for its fields
		}
		next = earlier(next, at)
	}
	if rest := l.health.RestEnd(); now.Before(rest) {
		next = earlier(next, rest)
	} else if l.offering() {
		next = earlier(next, now.Add(linger/4)) // until a request is worth its while, or one of those under way has ended
	}
	if l.state.Bulk.PendingRelease.Len() > 0 || l.state.Replaying() {
		next = earlier(next, now.Add(linger/2)) // more may become due, or its end has come
	}
	next = earlier(next, l.followUp(now))
	l.timer.Reset(max(next.Sub(now), time.Millisecond))
}

// offering reports whether contacts came due that could be sent and were not yet.
func (l *loop) offering() bool {
	if !l.health.Sends() || l.state.Meta.Paused {
		return false
	}
	for _, handles := range l.offered {
		if len(handles) > 0 {
			return true
		}
	}
	return false
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
