package pipeline

import (
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ledger/record"
	"rollcall/internal/roster"
	"rollcall/internal/segment"
)

// verdict ends the oldest refresh whose time has come: the fold has reached the stream's end as it was when
// the event was read, and nothing behind can make up what it lacks. One refresh at a time, and none while a back-fill is reading (H20).
func (l *loop) verdict(now time.Time) *record.Judge {
	s := l.state
	if s.Meta.Fill != nil {
		return nil
	}
	if rec := l.holdEnds(now); rec != nil {
		return rec
	}
	for _, f := range s.Roster.Pending() {
		if f.State == roster.HeldBack || f.State != roster.Approved && !l.reached(f) || l.judging[f.Sequence] {
			continue
		}
		rec := &record.Judge{Sequence: f.Sequence, Segment: f.Segment, Verdict: record.RefreshAccepted, At: now.UnixNano()}
		if f.State == roster.Approved {
			return rec
		}
		if a := l.announced[f.Sequence]; a != nil && !a.stored {
			return nil
		}
		if l.lacks(f, now) {
			continue
		}
		seen, ok := s.Accepts(f)
		if !ok && l.mayCome(f, seen, now) {
			continue
		}
		delete(l.short, f.Sequence)
		if !ok {
			l.judging[f.Sequence] = true
			l.refuseRefresh(f, seen)
			continue
		}
		if n := s.Roster.Sweeps(f, s.IsListed); n > 0 && (f.Count == 0 && f.State != roster.Rebased || n > l.room(now)) {
			rec.Verdict = record.RefreshHeld
		}
		if f.State != roster.Rebased && !l.announce(f, seen, rec.Verdict) {
			return nil
		}
		if rec.Verdict == record.RefreshHeld {
			l.log.Warn("a refresh is held: its sweep is above the guard; see: consumer status, consumer approve",
				zap.String("segment", s.Roster.SegmentName(f.Segment)))
		}
		l.opts.at(AtJudged)
		return rec
	}
	return nil
}

// refuseRefresh sets the event of a refresh aside; its verdict is written once the dead letter is confirmed.
func (l *loop) refuseRefresh(f roster.Refresh, seen uint64) {
	name := l.state.Roster.SegmentName(f.Segment)
	l.log.Warn("a refresh is refused: too few of its members were seen; publish it again",
		zap.String("segment", name), zap.Uint64("seen", seen), zap.Uint64("count", f.Count))
	detail := "fewer distinct profiles have an event since first_sequence than count says; publish the whole segment again"
	if f.First > f.Sequence {
		detail = "first_sequence is above the event's own sequence; publish the refresh again"
	}
	l.asideSequences(map[uint64]string{f.Sequence: detail}, segment.ReasonRefreshRefused, func() {
		l.refreshReceipt(f, seen, record.RefreshRefused, func() {
			l.outbox = append(l.outbox, &record.Judge{Sequence: f.Sequence, Segment: f.Segment, Verdict: record.RefreshRefused, At: l.now().UnixNano()})
		})
	})
}

// announced is a refresh's verdict that a receipt tells of.
type announced struct {
	verdict record.Verdict
	stored  bool
}

// announce publishes the verdict on a refresh, and reports whether that was done already: it is judged again then, from the
// state as it is by that time, and one that comes out otherwise is announced anew.
func (l *loop) announce(f roster.Refresh, seen uint64, v record.Verdict) bool {
	if a := l.announced[f.Sequence]; a != nil && a.verdict == v {
		delete(l.announced, f.Sequence)
		return true
	}
	a := &announced{verdict: v}
	l.announced[f.Sequence] = a
	l.refreshReceipt(f, seen, v, func() { a.stored = true })
	return false
}

var verdictNames = map[record.Verdict]string{
	record.RefreshRefused: "refused", record.RefreshAccepted: "accepted", record.RefreshHeld: "held",
}

func (l *loop) refreshReceipt(f roster.Refresh, seen uint64, v record.Verdict, then func()) {
	l.receipted(l.receiptOf("refresh", map[string]any{
		"segment": l.state.Roster.SegmentName(f.Segment), "sequence": f.Sequence, "first_sequence": f.First,
		"count": f.Count, "seen": seen, "verdict": verdictNames[v],
	}), then)
}
