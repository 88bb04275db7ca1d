package pipeline

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
	"rollcall/internal/segment"
)

// verdict ends the oldest refresh whose time has come: the fold has reached the stream's end as it was when
// the event was read, and nothing behind can make up what it lacks. One refresh at a time, and none while a back-fill is reading (H20).
func (l *loop) verdict(now time.Time) *ledger.Judge {
	s := l.state
	if s.meta.Fill != nil {
		return nil
	}
	if rec := l.holdEnds(now); rec != nil {
		return rec
	}
	for _, f := range s.roster.Pending() {
		if f.State == roster.HeldBack || f.State != roster.Approved && !l.reached(f) || l.judging[f.Sequence] {
			continue
		}
		rec := &ledger.Judge{Sequence: f.Sequence, Segment: f.Segment, Verdict: ledger.RefreshAccepted, At: now.UnixNano()}
		if f.State == roster.Approved {
			return rec
		}
		if a := l.announced[f.Sequence]; a != nil && !a.stored {
			return nil
		}
		if l.lacks(f, now) {
			continue
		}
		seen, ok := s.accepts(f)
		if !ok && l.mayCome(f, seen, now) {
			continue
		}
		delete(l.short, f.Sequence)
		if !ok {
			l.judging[f.Sequence] = true
			l.refuseRefresh(f, seen)
			continue
		}
		if n := s.roster.Sweeps(f, s.listed); n > 0 && (f.Count == 0 && f.State != roster.Rebased || n > l.room(now)) {
			rec.Verdict = ledger.RefreshHeld
		}
		if f.State != roster.Rebased && !l.announce(f, seen, rec.Verdict) {
			return nil
		}
		if rec.Verdict == ledger.RefreshHeld {
			l.log.Warn("a refresh is held: its sweep is above the guard; see: consumer status, consumer approve",
				zap.String("segment", s.roster.SegmentName(f.Segment)))
		}
		l.opts.at(AtJudged)
		return rec
	}
	return nil
}

// refuseRefresh sets the event of a refresh aside; its verdict is written once the dead letter is confirmed.
func (l *loop) refuseRefresh(f roster.Refresh, seen uint64) {
	name := l.state.roster.SegmentName(f.Segment)
	l.log.Warn("a refresh is refused: too few of its members were seen; publish it again",
		zap.String("segment", name), zap.Uint64("seen", seen), zap.Uint64("count", f.Count))
	detail := "fewer distinct profiles have an event since first_sequence than count says; publish the whole segment again"
	if f.First > f.Sequence {
		detail = "first_sequence is above the event's own sequence; publish the refresh again"
	}
	l.asideSequences(map[uint64]string{f.Sequence: detail}, segment.ReasonRefreshRefused, func() {
		l.refreshReceipt(f, seen, ledger.RefreshRefused, func() {
			l.outbox = append(l.outbox, &ledger.Judge{Sequence: f.Sequence, Segment: f.Segment, Verdict: ledger.RefreshRefused, At: time.Now().UnixNano()})
		})
	})
}

// announced is a refresh's verdict that a receipt tells of.
type announced struct {
	verdict ledger.Verdict
	stored  bool
}

// announce publishes the verdict on a refresh, and reports whether that was done already: it is judged again then, from the
// state as it is by that time, and one that comes out otherwise is announced anew.
func (l *loop) announce(f roster.Refresh, seen uint64, v ledger.Verdict) bool {
	if a := l.announced[f.Sequence]; a != nil && a.verdict == v {
		delete(l.announced, f.Sequence)
		return true
	}
	a := &announced{verdict: v}
	l.announced[f.Sequence] = a
	l.refreshReceipt(f, seen, v, func() { a.stored = true })
	return false
}

var verdictNames = map[ledger.Verdict]string{
	ledger.RefreshRefused: "refused", ledger.RefreshAccepted: "accepted", ledger.RefreshHeld: "held",
}

func (l *loop) refreshReceipt(f roster.Refresh, seen uint64, v ledger.Verdict, then func()) {
	l.receipted(l.receiptOf("refresh", map[string]any{
		"segment": l.state.roster.SegmentName(f.Segment), "sequence": f.Sequence, "first_sequence": f.First,
		"count": f.Count, "seen": seen, "verdict": verdictNames[v],
	}), then)
}

// judge folds the verdict over a refresh.
func (s *State) judge(r *ledger.Judge) {
	s.at, s.rowTime = r.At, r.At/int64(time.Millisecond)
	s.roster.At(r.At / int64(time.Second))
	if r.Verdict == ledger.RefreshHeld {
		s.roster.Mark(r.Segment, r.Sequence, roster.HeldBack)
		return
	}
	if r.Verdict == ledger.RefreshAccepted {
		s.refreshed(s.roster.SegmentName(r.Segment))
	}
	s.approving = slices.ContainsFunc(s.roster.Pending(), func(f roster.Refresh) bool {
		return f.Segment == r.Segment && f.Sequence == r.Sequence && f.State == roster.Approved
	})
	s.roster.Judge(r.Segment, r.Sequence, r.Verdict == ledger.RefreshAccepted, s.touch)
	s.approving = false
}

// approve lets go of what is held: contacts at once, a sweep once it was judged again, a segment that was
// taken away with all its members.
func (s *State) approve() {
	for _, f := range s.roster.Pending() {
		if f.State == roster.HeldBack {
			s.roster.Mark(f.Segment, f.Sequence, roster.Approved)
		}
	}
	if dropping := s.meta.Dropping; len(dropping) > 0 {
		s.meta.Dropping, s.meta.Claim.Keep = nil, nil
		s.roster.Select(s.meta.Claim.Binding.Segments)
		s.rowTime = s.at / int64(time.Millisecond)
		s.approving = true
		for _, seg := range dropping {
			s.roster.Drop(seg, s.meta.Cursor, s.touch)
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
	if s.book.Count(plan.Held) > 0 && s.book.Room(s.at, s.policy.Guard, s.passed.Len()) >= 0 {
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

// heldSweeps names the refreshes, and segments taken away, whose removals are held whole, without counting contacts.
func (s *State) heldSweeps() []HeldSweep {
	var held []HeldSweep
	for _, f := range s.roster.Pending() {
		if f.State == roster.HeldBack {
			held = append(held, HeldSweep{Segment: s.roster.SegmentName(f.Segment), Sequence: f.Sequence, First: f.First})
		}
	}
	for _, seg := range s.meta.Dropping {
		held = append(held, HeldSweep{Segment: s.roster.SegmentName(seg)})
	}
	return held
}

// leavers counts whom on the list a held sweep would let go of, in the order of heldSweeps.
func (s *State) leavers() []int {
	var counts []int
	for _, f := range s.roster.Pending() {
		if f.State == roster.HeldBack {
			counts = append(counts, s.roster.Sweeps(f, s.listed))
		}
	}
	for _, seg := range s.meta.Dropping {
		counts = append(counts, s.roster.Drops([]uint16{seg}, s.listed))
	}
	return counts
}

// Held returns what is held now, single contacts and whole sweeps.
func (s *State) Held() Held {
	held := Held{Count: s.book.Count(plan.Held), Sweeps: s.heldSweeps()}
	for i, n := range s.leavers() {
		held.Sweeps[i].Contacts = n
	}
	d := newDigest()
	for h := contact.Handle(1); held.Count > 0 && uint32(h) < s.roster.Contacts(); h++ {
		if s.book.At(h).Place() == plan.Held {
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
func (s *State) Refreshed(visit func(segment string, first uint64)) { s.roster.Published(visit) }
