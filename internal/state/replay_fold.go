package state

import (
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
)

// The states of a replay: it reads up to the cursor, then lets what it touched become due, little by
// little, so that its requests take the replay's share of the rate budget.
const (
	ReplayRunning   = "running"
	ReplaySending   = "sending"
	ReplayDone      = "done"
	ReplayCancelled = "cancelled"

	ReplayTold = "told" // of a record alone: the receipt of the cancelled one is stored
)

// Reading reports whether the stream is being read again: what that touches is not due meanwhile.
func (s *State) Reading() bool {
	return s.Meta.Fill != nil || s.Meta.Replay != nil && s.Meta.Replay.State == ReplayRunning
}

// Replaying reports whether a replay reads, or sends what it has read.
func (s *State) Replaying() bool {
	r := s.Meta.Replay
	return r != nil && (r.State == ReplayRunning || r.State == ReplaySending)
}

// replayed takes over how far a replay has come. A part of one that was cancelled meanwhile changes nothing.
func (s *State) replayed(r *record.Replay) {
	at := s.Meta.Replay
	switch {
	case r.State == ReplayTold:
		if at != nil && at.ID == r.ID {
			at.Told = true
		}
	case r.State == ReplayCancelled:
		if s.Replaying() {
			s.Meta.Tally = s.Closed(r.At)
			at.State = ReplayCancelled
			s.abandon(r.At)
		}
	case at == nil || at.ID != r.ID:
		if !s.Replaying() && r.State == ReplayRunning {
			s.Meta.Replay, s.Meta.Tally = r, &Tally{Slots: s.Book.Slots()}
		}
	case s.Replaying():
		s.progress(at, r)
	}
}

// progress takes over a part of the replay under way.
func (s *State) progress(at, r *record.Replay) {
	r.Touched = at.Touched
	switch {
	case r.State == ReplayDone:
		s.Meta.Tally = s.Closed(r.At)
		s.Meta.Replay = r
		for _, h := range slices.Clone(s.Bulk.Released.Handles()) {
			s.stays(contact.Handle(h)) // those that wait, are held or refused: they are live traffic's from now on
		}
	case at.State == ReplayRunning && r.State == ReplaySending:
		s.Meta.Replay = r
		s.readAgain(r.At)
	default:
		s.Meta.Replay = r
		if r.Release > 0 {
			s.release(&record.LetGo{At: r.At, Most: r.Release})
		}
	}
}

// Refold folds a part of a replay. What came after it was planned is folded as well, and is no part of the plan.
func (s *State) Refold(r *record.Refold) error {
	if !s.Replaying() {
		return nil // it was cancelled meanwhile
	}
	s.at = r.At
	s.Roster.At(r.At / int64(time.Second))
	s.filling = true
	err := record.Rows(r.Rows, func(row *record.Row) {
		if s.later(row) {
			s.row(row)
			return
		}
		if !s.Roster.Current(row.Profile, row.Segment, row.Sequence) {
			s.tally(func(t *Tally) { t.Overtaken++ })
			return
		}
		touched := s.Bulk.PendingRelease.Len()
		s.force = r.Force
		s.row(row)
		s.force = false
		s.tally(func(t *Tally) {
			switch {
			case row.Bad:
				t.Bad++
			case s.Bulk.PendingRelease.Len() == touched:
				t.NoOps++
			}
		})
	})
	s.filling = false
	return err
}

// later reports whether a row of the replay under way came after it was planned.
func (s *State) later(row *record.Row) bool {
	planned := s.Meta.Replay.Planned
	return planned > 0 && row.Sequence > planned
}

// Sorted takes out of a part of a replay the rows that a newer event has overtaken, and counts all of them.
func (s *State) Sorted(r *record.Replay, rows []byte) (kept []byte, err error) {
	var last record.Row
	planned := r.Planned
	if planned == 0 {
		planned = r.To
	}
	err = record.Rows(rows, func(row *record.Row) {
		later := row.Sequence > planned
		if later {
			r.Later++
		} else {
			r.Folded++
		}
		if s.Roster.Current(row.Profile, row.Segment, row.Sequence) {
			kept = record.AppendRow(kept, &last, row)
			last.Sequence, last.Time = row.Sequence, row.Time
			return
		}
		switch {
		case later:
		case s.Roster.Latest(row.Profile, row.Segment) > planned:
			r.Overtaken++
		default:
			r.Superseded++
		}
	})
	return kept, err
}
