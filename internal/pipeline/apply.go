package pipeline

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/ledger"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
	"rollcall/internal/segment"
)

const commandsKept = 100

// Apply changes the state by one committed entry. It is the only way in.
func (s *State) Apply(entry []byte) error {
	if err := ledger.Records(entry, s.record); err != nil {
		return err
	}
	s.reconsider()
	return nil
}

func (s *State) record(rec ledger.Record) error {
	switch r := rec.(type) {
	case *ledger.Commit:
		return s.commit(r)
	case *ledger.Reread:
		return s.rows(r.At, r.Rows, true)
	case *ledger.Intent:
		s.intent(r)
	case *ledger.Accepted:
		if b := s.flight.Get(r.Batch); b != nil {
			s.stats.Accepted[b.Operation] += uint64(len(b.Items))
			s.flight.Accept(r.Batch, r.Job, r.At)
			s.accept(b, r.At)
		}
	case *ledger.NoEffect:
		s.noEffect(r)
	case *ledger.Doubt:
		s.flight.Unsure(r.Batch, r.Until)
	case *ledger.Settled:
		s.settled(r)
	case *ledger.Wait:
		s.park(r.Handles, plan.Waiting)
	case *ledger.Hold:
		s.at = r.At
		s.park(r.Handles, plan.Held)
	case *ledger.Absent:
		s.at = r.At
		for _, h := range r.Handles {
			s.tell(contact.Remove, h)
			s.book.SetUnlisted(h)
			s.evaluate(h, r.At)
		}
	case *ledger.Erased:
		for _, h := range r.Handles {
			s.erased(h)
		}
	case *ledger.Judge:
		s.judge(r)
	case *ledger.Erasure:
		s.advance(r)
	case *ledger.Faded:
		s.faded(r)
	case *ledger.Fill:
		return s.fillPart(r)
	case *ledger.Claim:
		s.claim(r)
	case *ledger.Command:
		s.command(r)
	case *ledger.Forget:
		s.forget(r.Before)
	default:
		return s.operator(rec)
	}
	return nil
}

func (s *State) commit(c *ledger.Commit) error {
	if c.Cursor > s.meta.Cursor {
		s.meta.Cursor = c.Cursor
	}
	s.meta.Time = max(s.meta.Time, c.Time)
	s.stats.Events += c.Events
	return s.rows(c.At, c.Rows, false)
}

func (s *State) rows(at int64, rows []byte, reread bool) error {
	s.at, s.reread = at, reread
	s.roster.At(at / int64(time.Second))
	err := ledger.Rows(rows, s.row)
	s.reread = false
	return err
}

func (s *State) row(r *ledger.Row) {
	s.rowTime = r.Time
	verdict := roster.Folded
	switch r.Kind {
	case ledger.RowMembership:
		verdict = s.roster.Fold(roster.Row{
			Sequence: r.Sequence, Segment: r.Segment, Entered: r.Entered, Carries: r.Carries,
			Profile: r.Profile, Email: r.Email, Fields: r.Fields, Hash: hashOf(r),
		}, s.touch)
		if r.Bad && verdict == roster.Folded {
			s.bad(r)
		}
	case ledger.RowRefreshed:
		verdict = s.roster.Pend(roster.Refresh{
			Segment: r.Segment, First: r.First, Count: r.Count, Sequence: r.Sequence, Until: r.Until,
		})
	case ledger.RowErased:
		if !s.filling { // what is read again was folded before
			s.erase(r)
		}
	case ledger.RowSeen:
		s.roster.Seen(r.Segment, r.Profile, r.Sequence)
	}
	if s.reread || s.filling {
		return
	}
	kind := &s.stats.Kinds[kinds[r.Kind]]
	switch {
	case r.Kind == ledger.RowSeen: // counted as a dead letter
	case verdict == roster.Stale:
		s.stats.Stale++
		kind.Stale++
	default:
		s.stats.Folded++
		kind.Folded++
	}
}

// kinds tells of which kind of event a row is.
var kinds = [...]segment.Kind{
	ledger.RowMembership: segment.Membership, ledger.RowRefreshed: segment.Refreshed, ledger.RowErased: segment.Erased,
	ledger.RowSeen: segment.Unknown,
}

// bad refuses the contact of a row with a value that cannot be sent: a listed one keeps its fields, an
// unlisted one takes no slot.
func (s *State) bad(r *ledger.Row) {
	h := s.roster.Find(r.Email)
	if h == 0 || s.roster.Source(h) != r.Sequence || !s.roster.Desired(h) || s.flight.Of(h) != nil {
		return
	}
	s.window.Remove(h)
	s.drop(h, false)
	s.dirty.Put(uint32(h)).hash = s.roster.Hash(h)
	s.book.Release(h) // one that was to be made anew had kept its slot
	s.book.Refuse(h, "bad_value")
	s.stays(h)
}

// hashOf tells the versions of a contact's fields apart: one with a bad value differs from the good one
// that has the same values besides. It never returns zero: that is *unknown*.
func hashOf(r *ledger.Row) uint64 {
	h := xxhash.Sum64(r.Fields)
	if r.Bad {
		h = ^h
	}
	return max(h, 1)
}

// touch is told by the roster of each contact whose desire or fields may have changed.
func (s *State) touch(h contact.Handle, c roster.Cause) {
	open := s.flight.Of(h)
	switch {
	case open != nil:
	case s.filling && s.force && c.InHand:
		s.sendAgain(h)
	case !s.filling && !s.reread:
		s.overtake(h)
	}
	desired, hash := s.roster.Desired(h), s.roster.Hash(h)
	if open == nil && s.erasing.Get(uint32(h)) == nil && s.decide(h) == plan.Nothing {
		s.clean(h)
		return
	}
	d := s.dirty.Put(uint32(h))
	if d.since == 0 {
		d.since = s.changedAt()
	}
	if desired || c.Moved {
		d.moved = !desired && !s.filling // the old half of a move that an event caused
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
	touched := s.bulk.touched.Get(uint32(h)) != nil
	switch {
	case open != nil:
		d.changed = s.at
	case s.filling && !touched && desired && s.due(h):
		// It was changed by live traffic, and what is read again says the same: that goes its way.
	case s.filling:
		s.bulk.released.Remove(uint32(h))
		s.bulk.touched.Put(uint32(h)) // due once the reading has reached the cursor
		s.window.Remove(h)
	case s.reading() && touched:
		s.window.Remove(h)
	case s.reread:
		s.window.Put(s.at, s.at, h)
	default:
		s.window.Change(s.at, h)
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
	_, ok := s.fields(h)
	if !ok {
		return false
	}
	_, ok = s.window.Has(h)
	return ok
}

// leavePlace takes a changed contact out of the place that it is kept in, where the change ends what kept it
// there, and reports whether it did.
func (s *State) leavePlace(h contact.Handle, d *dirtyRow, desired bool, c roster.Cause) bool {
	switch s.book.At(h).Place() {
	case plan.Waiting:
		if c.InHand && s.reread {
			s.keep(h, c.Fields, s.roster.Hash(h))
		}
		return false
	case plan.Held:
		if !desired {
			return false
		}
		s.fewerHeld = true
		s.book.Put(h, plan.Nowhere, 0)
	case plan.Refused:
		// A newer event that says the same tries anew: the letter is of one that is not the contact's any more, so that no
		// retry could.
		newer := c.InHand && !s.reread && !s.filling
		if desired && d.hash == s.roster.Hash(h) && !newer {
			return false
		}
		s.book.Put(h, plan.Nowhere, 0)
	case plan.Nowhere:
	}
	return true
}

// clean notes that SendGrid has what is desired.
func (s *State) clean(h contact.Handle) {
	if s.window.Remove(h) {
		s.stats.Coalesced++
	}
	if place := s.book.At(h).Place(); place != plan.Nowhere {
		s.fewerHeld = s.fewerHeld || place == plan.Held
		s.book.Put(h, plan.Nowhere, 0)
	}
	if s.flight.Of(h) == nil {
		s.book.Release(h) // a slot that was kept for it while it was made anew
	}
	s.untouch(h)
	s.drop(h, true)
}

// evaluate compares a contact that is on no way any more with what is desired, and puts it in its
// window where they differ.
func (s *State) evaluate(h contact.Handle, due int64) {
	if s.erasing.Get(uint32(h)) == nil && s.decide(h) == plan.Nothing {
		s.clean(h)
		return
	}
	d := s.dirty.Put(uint32(h))
	if d.since == 0 {
		d.since = due / int64(time.Millisecond)
	}
	if d.changed != 0 {
		due = max(due, d.changed+int64(s.policy.Window.Quiet))
		d.changed = 0
	}
	s.window.Put(s.at, due, h)
}

func (s *State) intent(r *ledger.Intent) {
	b := &flight.Batch{ID: r.Batch, Operation: r.Operation, At: r.At, Tries: r.Tries, Exempt: r.Exempt}
	for _, h := range r.Handles {
		it := flight.Item{Handle: h, Hash: s.roster.Hash(h)}
		s.window.Remove(h)
		if s.book.At(h).Place() != plan.Nowhere {
			s.book.Put(h, plan.Nowhere, 0)
		}
		if r.Operation == contact.Upsert {
			fields, _ := s.fields(h)
			it.Mask = contact.Mask(fields)
			s.book.Adding(h, r.At/int64(time.Second))
			s.book.Sent(h, it.Mask, s.roster.SourceProfile(h))
		}
		if d := s.dirty.Get(uint32(h)); d != nil {
			d.changed = 0
		}
		b.Items = append(b.Items, it)
	}
	if r.Operation == contact.Remove && !r.Exempt && s.flight.Of(r.Handles[0]) == nil {
		s.book.Planned(r.At, s.policy.Guard.Interval, len(r.Handles))
	}
	if s.inBulk(r.Handles) {
		s.tally(func(t *Tally) { t.request(r.Operation) })
	}
	s.flight.Start(b)
	s.stats.Batches[r.Operation]++
}

// oldest returns the broker time, in unix milliseconds, of the oldest change that is in a window, on its
// way or in doubt; zero is none. It looks at every dirty contact.
func (s *State) oldest() int64 {
	var oldest int64
	for _, h := range s.dirty.rows.Handles() {
		since := s.dirty.rows.Get(h).since
		if since > 0 && (oldest == 0 || since < oldest) && s.book.At(contact.Handle(h)).Place() == plan.Nowhere {
			oldest = since
		}
	}
	return oldest
}

// park moves contacts out of their window to a place that keeps none of their fields.
func (s *State) park(handles []contact.Handle, p plan.Place) {
	for _, h := range handles {
		s.window.Remove(h)
		s.drop(h, false)
		s.book.Put(h, p, s.roster.Place(h))
		s.shrink(h)
		s.stays(h)
	}
}
