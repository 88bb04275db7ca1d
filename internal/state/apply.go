package state

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/flight"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
	"rollcall/internal/segment"
)

// CommandsKept is how many of the last commands the state keeps.
const CommandsKept = 100

// Apply changes the state by one committed entry. It is the only way in.
func (s *State) Apply(entry []byte) (err error) {
	defer dense.Full(&err)
	if err := record.Records(entry, s.record); err != nil {
		return err
	}
	s.reconsider()
	return nil
}

func (s *State) record(rec record.Record) error {
	switch r := rec.(type) {
	case *record.Commit:
		return s.commit(r)
	case *record.Reread:
		return s.rows(r.At, r.Rows, true)
	case *record.Intent:
		s.intent(r)
	case *record.Accepted:
		if b := s.Flight.Get(r.Batch); b != nil {
			s.Counts.Accepted[b.Operation] += uint64(len(b.Items))
			s.Flight.Accept(r.Batch, r.Job, r.At)
			s.taken(b)
			s.accept(b, r.At)
		}
	case *record.NoEffect:
		s.noEffect(r)
	case *record.Doubt:
		s.Flight.Unsure(r.Batch, r.Until)
		s.taken(s.Flight.Get(r.Batch))
	case *record.Settled:
		s.settled(r)
	case *record.Wait:
		s.park(r.Handles, plan.Waiting)
	case *record.Hold:
		s.at = r.At
		s.park(r.Handles, plan.Held)
	case *record.Absent:
		s.at = r.At
		for _, h := range r.Handles {
			s.tell(contact.Remove, h)
			s.Book.SetUnlisted(h)
			s.evaluate(h, r.At)
		}
	case *record.Erased:
		for _, h := range r.Handles {
			if s.Erasing.Get(uint32(h)) == nil { // an erasure of our own looks for itself: it may have been added since
				s.erased(h)
			}
		}
	case *record.Judge:
		s.judge(r)
	case *record.Erasure:
		s.advance(r)
	case *record.Faded:
		s.faded(r)
	case *record.Fill:
		return s.fillPart(r)
	case *record.Claim:
		s.claim(r)
	case *record.Command:
		s.command(r)
	case *record.Forget:
		s.forget(r.Before)
	default:
		return s.operator(rec)
	}
	return nil
}

func (s *State) commit(c *record.Commit) error {
	s.before = s.Meta.Cursor
	if c.Cursor > s.Meta.Cursor {
		s.Meta.Cursor = c.Cursor
	}
	s.Meta.Time = max(s.Meta.Time, c.Time)
	s.Counts.Events += c.Events
	s.live = true
	err := s.rows(c.At, c.Rows, false)
	s.live = false
	return err
}

func (s *State) rows(at int64, rows []byte, reread bool) error {
	s.at, s.reread = at, reread
	s.Roster.At(at / int64(time.Second))
	err := record.Rows(rows, s.row)
	s.reread = false
	return err
}

func (s *State) row(r *record.Row) {
	s.rowTime = r.Time
	verdict := roster.Folded
	switch r.Kind {
	case record.RowMembership:
		verdict = s.Roster.Fold(roster.Row{
			Sequence: r.Sequence, Segment: r.Segment, Entered: r.Entered, Carries: r.Carries,
			Profile: r.Profile, Email: r.Email, Fields: r.Fields, Hash: hashOf(r),
		}, s.contactChanged)
		if r.Bad && verdict == roster.Folded {
			s.bad(r)
		}
		s.Recount = true
	case record.RowRefreshed:
		verdict = s.Roster.Pend(roster.Refresh{
			Segment: r.Segment, First: r.First, Count: r.Count, Sequence: r.Sequence, Until: r.Until,
		})
	case record.RowErased:
		if !s.filling && r.Sequence > s.before { // what is read or handed out again was folded before
			s.erase(r)
			s.Recount = true
		}
	case record.RowSeen:
		s.Roster.Seen(r.Segment, r.Profile, r.Sequence)
	}
	if s.reread || s.filling {
		return
	}
	kind := &s.Counts.Kinds[kinds[r.Kind]]
	switch {
	case r.Kind == record.RowSeen: // counted as a dead letter
	case verdict == roster.Stale:
		s.Counts.Stale++
		kind.Stale++
	default:
		s.Counts.Folded++
		kind.Folded++
	}
}

// kinds tells of which kind of event a row is.
var kinds = [...]segment.Kind{
	record.RowMembership: segment.Membership, record.RowRefreshed: segment.Refreshed, record.RowErased: segment.Erased,
	record.RowSeen: segment.Unknown,
}

// bad refuses the contact of a row with a value that cannot be sent: a listed one keeps its fields, an
// unlisted one takes no slot.
func (s *State) bad(r *record.Row) {
	h := s.Roster.Find(r.Email)
	if h == 0 || s.Roster.Source(h) != r.Sequence || !s.Roster.Desired(h) {
		return
	}
	if s.drop(h, false); s.Erasing.Get(uint32(h)) != nil || s.Flight.Of(h) != nil {
		return // what is under way, or a deletion that is due, ends first; without fields in hand the event is read again then
	}
	s.Window.Remove(h)
	s.Book.Release(h) // one that was to be made anew had kept its slot
	s.Book.Refuse(h, string(segment.ReasonBadValue))
	s.Dirty.Put(uint32(h)).hash = s.refusedVersion(h)
	s.stays(h)
}

// hashOf tells the versions of a contact's fields apart: one with a bad value differs from the good one
// that has the same values besides. It never returns zero: that is *unknown*.
func hashOf(r *record.Row) uint64 {
	h := xxhash.Sum64(r.Fields)
	if r.Bad {
		h = ^h
	}
	return max(h, 1)
}

func (s *State) intent(r *record.Intent) {
	b := &flight.Batch{ID: r.Batch, Operation: r.Operation, At: r.At, Tries: r.Tries, Exempt: r.Exempt, Mapped: s.Meta.Claim.Mapped}
	for _, h := range r.Handles {
		it := flight.Item{Handle: h, Hash: s.Roster.Hash(h), Source: s.Roster.Source(h)}
		s.Window.Remove(h)
		if s.Book.At(h).Place() != plan.Nowhere {
			s.Book.Put(h, plan.Nowhere, 0)
		}
		if r.Operation == contact.Upsert {
			fields, _ := s.Fields(h)
			it.Mask = contact.Mask(fields)
			s.Book.Adding(h, r.At/int64(time.Second))
			s.Book.Sent(h, it.Mask, s.Roster.SourceProfile(h))
		}
		if d := s.Dirty.Get(uint32(h)); d != nil {
			d.changed = 0
			if r.Operation == contact.Remove && !r.Exempt {
				s.Passed.Put(uint32(h))
			}
		}
		b.Items = append(b.Items, it)
	}
	if r.Operation == contact.Remove {
		s.Book.Note(r.At, s.Policy.Guard.Interval)
	}
	if s.InBulk(r.Handles) {
		s.tally(func(t *Tally) { t.request(r.Operation) })
	}
	s.Flight.Start(b)
	s.Counts.Batches[r.Operation]++
}
