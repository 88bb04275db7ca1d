package state

import (
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
)

// judge folds the verdict over a refresh.
func (s *State) judge(r *record.Judge) {
	s.at, s.rowTime = r.At, r.At/int64(time.Millisecond)
	s.Roster.At(r.At / int64(time.Second))
	if r.Verdict == record.RefreshHeld {
		s.Roster.Mark(r.Segment, r.Sequence, roster.HeldBack)
		return
	}
	if r.Verdict == record.RefreshAccepted {
		s.refreshed(s.Roster.SegmentName(r.Segment))
	}
	s.approving = slices.ContainsFunc(s.Roster.Pending(), func(f roster.Refresh) bool {
		return f.Segment == r.Segment && f.Sequence == r.Sequence && f.State == roster.Approved
	})
	s.sweeping = true
	s.Roster.Judge(r.Segment, r.Sequence, r.Verdict == record.RefreshAccepted, s.contactChanged)
	s.approving, s.sweeping = false, false
}

// approve lets go of what is held: contacts at once, a sweep once it was judged again, a segment that was
// taken away with all its members.
func (s *State) approve() {
	for _, f := range s.Roster.Pending() {
		if f.State == roster.HeldBack {
			s.Roster.Mark(f.Segment, f.Sequence, roster.Approved)
		}
	}
	if dropping := s.Meta.Dropping; len(dropping) > 0 {
		s.Meta.Dropping, s.Meta.Claim.Keep = nil, nil
		s.Roster.Select(s.Meta.Claim.Binding.Segments)
		s.rowTime = s.at / int64(time.Millisecond)
		s.approving = true
		for _, seg := range dropping {
			s.Roster.Drop(seg, s.Meta.Cursor, s.contactChanged)
		}
		s.approving = false
	}
	s.unhold(true)
}

// reconsider looks again at what is held after some of it was wanted back: where the rest is within the guard
// now it goes. Time alone releases nothing, so this is asked only then.
func (s *State) reconsider() {
	if !s.fewerHeld {
		return
	}
	s.fewerHeld = false
	if s.Book.Count(plan.Held) > 0 && s.Book.Room(s.at, s.Policy.Guard, s.Passed.Len()) >= 0 {
		s.unhold(false)
	}
}

// Held is what waits for an approval: how many removals, and what an approval names them by.
type Held struct {
	Count  int         `json:"count"` // contacts, those of the sweeps included
	Digest string      `json:"digest,omitempty"`
	Sweeps []HeldSweep `json:"sweeps,omitempty"`
}

// HeldSweep is a refresh, or a segment that was taken away, whose removals wait for an operator.
type HeldSweep struct {
	Segment  string `json:"segment"`
	Sequence uint64 `json:"sequence,omitempty"`       // of the refresh; zero is a segment that was taken away
	First    uint64 `json:"first_sequence,omitempty"` // of the refresh: who was last seen before it has left
	Contacts int    `json:"contacts"`                 // that would leave the list
}

// HeldSweeps names the refreshes, and segments taken away, whose removals are held whole, without counting contacts.
func (s *State) HeldSweeps() []HeldSweep {
	var held []HeldSweep
	for _, f := range s.Roster.Pending() {
		if f.State == roster.HeldBack {
			held = append(held, HeldSweep{Segment: s.Roster.SegmentName(f.Segment), Sequence: f.Sequence, First: f.First})
		}
	}
	for _, seg := range s.Meta.Dropping {
		held = append(held, HeldSweep{Segment: s.Roster.SegmentName(seg)})
	}
	return held
}

// leavers counts whom on the list a held sweep would let go of, in the order of heldSweeps.
func (s *State) leavers() []int {
	var counts []int
	for _, f := range s.Roster.Pending() {
		if f.State == roster.HeldBack {
			counts = append(counts, s.Roster.Sweeps(f, s.IsListed))
		}
	}
	for _, seg := range s.Meta.Dropping {
		counts = append(counts, s.Roster.Drops([]uint16{seg}, s.IsListed))
	}
	return counts
}

// Held returns what is held now, single contacts and whole sweeps.
func (s *State) Held() Held {
	held := Held{Count: s.Book.Count(plan.Held), Sweeps: s.HeldSweeps()}
	for i, n := range s.leavers() {
		held.Sweeps[i].Contacts = n
	}
	d := newDigest()
	for h := contact.Handle(1); held.Count > 0 && uint32(h) < s.Roster.Contacts(); h++ {
		if s.Book.At(h).Place() == plan.Held {
			d.add(uint64(h))
		}
	}
	for _, sweep := range held.Sweeps {
		held.Count += sweep.Contacts
		_, _ = d.Write([]byte(sweep.Segment)) // a hash never fails
		d.add(sweep.Sequence)
		d.add(uint64(sweep.Contacts))
	}
	if held.Count+len(held.Sweeps) > 0 {
		held.Digest = d.String()
	}
	return held
}

// Refreshed calls visit with each segment whose refresh was accepted, and with the first sequence of the last one.
func (s *State) Refreshed(visit func(segment string, first uint64)) { s.Roster.Published(visit) }
