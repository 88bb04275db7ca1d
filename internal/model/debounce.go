package model

import (
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/state"
)

// The debounce, watched from outside: no contact is sent before it was quiet, or has waited long enough, counted from the
// folding of its changes, whoever folded them: a restart flushes nothing early (story 14).

// hush is since when a contact is in its window, and when it changed last.
type hush struct {
	first, last time.Time
	anew        time.Time // it was desired anew, or made due at once: perhaps nothing was due between, and its window began anew too
	free        bool      // somebody made it due: an operator, or a re-reading
}

// entryOf is what an entry holds, as far as windows are concerned.
type entryOf struct {
	at     time.Time // of the records in it that move windows
	fresh  bool      // it folds what is new: changes in it have their quiet time before them
	frees  bool      // it makes contacts due
	claims bool      // a replica takes over
}

func (e *entryOf) record(rec record.Record) {
	at := int64(0)
	switch r := rec.(type) {
	case *record.Commit:
		at, e.fresh = r.At, true
	case *record.Judge:
		at, e.fresh = r.At, true
	case *record.Claim:
		at, e.fresh, e.claims = r.At, true, true
	case *record.Settled:
		at = r.At
	case *record.NoEffect:
		at = r.At
	case *record.Command:
		at, e.fresh, e.frees = r.At, r.Name == "approve", true
	case *record.Fill, *record.Refold, *record.Reread, *record.Replay, *record.Faded, *record.Rebase:
		e.frees = true
	}
	if at > 0 && (e.at.IsZero() || at < e.at.UnixNano()) {
		e.at = time.Unix(0, at)
	}
}

// early fails where an intent names a contact whose time has not come.
func (v *watch) early(r *record.Intent) {
	for _, number := range r.Handles {
		email := v.shadow.Email(number)
		s, h := v.shadow.Look([]byte(email)), v.hushes[email]
		due := h.last.Add(quiet)
		if latest := h.first.Add(maxWait); latest.Before(due) {
			due = latest
		}
		// An erasure waits for nothing, who waits for a slot has waited; what is in doubt goes again as it was.
		if at := time.Unix(0, r.At); r.Operation != contact.Delete && !h.free && s.Place != plan.Waiting && !s.Open && at.Before(due) {
			v.w.fail("%s of %s is intended %v before it is due: its window was flushed early", r.Operation, email, due.Sub(at))
		}
		delete(v.hushes, email)
	}
}

// hush notes what an entry changed.
func (v *watch) hush(e entryOf, before, after map[string]state.Standing) {
	for email, s := range after {
		b, h := before[email], v.hushes[email]
		switch {
		case s.Due == 0 && s.Place == plan.Nowhere && !s.Open:
			delete(v.hushes, email) // clean
			continue
		case s.Due != 0 && b.Due == 0:
			h.first = e.at
		}
		latest := max(b.Due, h.first.Add(maxWait).UnixNano(), h.anew.Add(maxWait).UnixNano())
		if s.Version != b.Version || s.Turn != b.Turn { // the configuration changed who selects it, and that has its quiet time
			latest = max(latest, e.at.Add(quiet).UnixNano())
		}
		if e.claims && b.Due != 0 && s.Due > latest {
			v.w.fail("a take-over lets %s wait %v longer, and longer than max_wait", email, time.Duration(s.Due-b.Due))
		}
		if e.fresh && (s.Desired != b.Desired || s.Version != b.Version) {
			h.last, h.free = e.at, false
		}
		if s.Turn != b.Turn || s.Due != b.Due && s.Due <= e.at.UnixNano() {
			h.anew = e.at
		}
		h.free = h.free || e.frees
		v.hushes[email] = h
	}
}
