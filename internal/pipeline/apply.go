package pipeline

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/flight"
	"rollcall/internal/ledger"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
	"rollcall/internal/segment"
)

const commandsKept = 100

// Apply changes the state by one committed entry. It is the only way in.
func (s *State) Apply(entry []byte) (err error) {
	defer dense.Full(&err)
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
			s.taken(b)
			s.accept(b, r.At)
		}
	case *ledger.NoEffect:
		s.noEffect(r)
	case *ledger.Doubt:
		s.flight.Unsure(r.Batch, r.Until)
		s.taken(s.flight.Get(r.Batch))
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
			if s.erasing.Get(uint32(h)) == nil { // an erasure of our own looks for itself: it may have been added since
				s.erased(h)
			}
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
	s.live = true
	err := s.rows(c.At, c.Rows, false)
	s.live = false
	return err
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
		s.recount = true
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
	s.book.Release(h) // one that was to be made anew had kept its slot
	s.book.Refuse(h, string(segment.ReasonBadValue))
	s.dirty.Put(uint32(h)).hash = s.refusedVersion(h)
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

func (s *State) intent(r *ledger.Intent) {
	b := &flight.Batch{ID: r.Batch, Operation: r.Operation, At: r.At, Tries: r.Tries, Exempt: r.Exempt, Mapped: s.meta.Claim.Mapped}
	for _, h := range r.Handles {
		it := flight.Item{Handle: h, Hash: s.roster.Hash(h), Source: s.roster.Source(h)}
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
			if r.Operation == contact.Remove && !r.Exempt {
				s.passed.Put(uint32(h))
			}
		}
		b.Items = append(b.Items, it)
	}
	if r.Operation == contact.Remove {
		s.book.Note(r.At, s.policy.Guard.Interval)
	}
	if s.inBulk(r.Handles) {
		s.tally(func(t *Tally) { t.request(r.Operation) })
	}
	s.flight.Start(b)
	s.stats.Batches[r.Operation]++
}
