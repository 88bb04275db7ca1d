package pipeline

import (
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
)

// Counting what is held whole looks at every profile: it is done at most once in this time, and in a twentieth of it.
const recountEvery = time.Second

// recounting is when what is held whole may be counted again.
type recounting struct{ next time.Time }

// room is how many more removals would stay within the guard now.
func (l *loop) room(now time.Time) int {
	return l.state.Book.Room(now.UnixNano(), l.opts.Policy.Guard, l.state.Passed.Len())
}

// holdEnds ends the hold of a refresh, or of segments that were taken away, whose cause has gone: its members were
// published again, so that nobody on the list would leave by it, or so few that the guard lets them go. Time alone
// releases nothing: it counts only after an event, a look at the list or a removal has changed what there is to count.
func (l *loop) holdEnds(now time.Time) *record.Judge {
	s := l.state
	if !s.Recount || now.Before(l.recounting.next) {
		return nil
	}
	s.Recount = false
	if !s.HeldWhole() {
		return nil
	}
	began := time.Now()
	defer func() { l.recounting.next = now.Add(max(recountEvery, 20*time.Since(began))) }()
	for _, f := range s.Roster.Pending() {
		if f.State != roster.HeldBack {
			continue
		}
		if n := s.Roster.Sweeps(f, s.IsListed); n == 0 || f.Count > 0 && n <= l.room(now) {
			s.Recount = true // another may be held besides
			l.log.Info("a held refresh ends: its members were published again, and the guard lets the others go",
				zap.String("segment", s.Roster.SegmentName(f.Segment)), zap.Int("leaving", n))
			return &record.Judge{Sequence: f.Sequence, Segment: f.Segment, Verdict: record.RefreshAccepted, At: now.UnixNano()}
		}
	}
	l.dropEnds(now)
	return nil
}

// dropEnds lets go of segments that were taken away once nothing else is held: the entry is that of an approval, in
// Rollcall's own name.
func (l *loop) dropEnds(now time.Time) {
	s := l.state
	if len(s.Meta.Dropping) == 0 || len(s.HeldSweeps()) > len(s.Meta.Dropping) || s.Book.Count(plan.Held) > 0 || l.awaits("approve") {
		return
	}
	n := s.Roster.Drops(s.Meta.Dropping, s.IsListed)
	if n > max(0, l.room(now)) {
		return
	}
	l.log.Info("segments that were taken away are let go of: the guard does not hold that any more", zap.Int("leaving", n))
	l.outbox = append(l.outbox, &record.Command{
		Name: "approve", Who: "rollcall", Comment: "the guard does not hold it any more", Count: n, At: l.moment(),
	})
}
