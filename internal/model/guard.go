package model

import (
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/state"
)

// guardWatch holds the guard to what takes effect (H39).
type guardWatch struct {
	most     int             // removals that it lets go within an hour, by the claim that holds
	gone     []time.Time     // when contacts left the list
	approved map[string]bool // what an operator let go, until it is off the list or wanted back
}

// holds judges a hold: nothing may be held while everybody who leaves, and who left within the hour, is within
// the guard; nor what an operator has approved.
func (v *watch) holds(r *record.Hold, before map[string]state.Standing) {
	leaving := 0
	for _, s := range before {
		if s.Listed && !s.Desired {
			leaving++
		}
	}
	left := 0
	for _, at := range v.guard.gone {
		if time.Since(at) <= time.Hour {
			left++
		}
	}
	if leaving+left <= v.guard.most {
		v.w.fail("H39: %d removals are held; %d contacts leave, %d have left, and the guard lets %d go", len(r.Handles), leaving, left, v.guard.most)
	}
	for _, h := range r.Handles {
		if email := v.shadow.Email(h); v.guard.approved[email] {
			v.w.fail("H39: the removal of %s was approved, and is held again", email)
		}
	}
}

// guarded notes what an entry changed for the guard.
func (v *watch) guarded(rec record.Record, before map[string]state.Standing) {
	switch r := rec.(type) {
	case *record.Claim:
		v.guard.most = r.Timing.MinRemovals
	case *record.Hold:
		v.holds(r, before)
	case *record.Command:
		for e, s := range before {
			if r.Name == "approve" && s.Place == plan.Held {
				v.guard.approved[e] = true
			}
		}
	}
}

// left notes who is off the list, or wanted back, after an entry.
func (v *watch) left(before, after map[string]state.Standing) {
	for e, s := range after {
		if before[e].Listed && !s.Listed {
			v.guard.gone = append(v.guard.gone, time.Now())
		}
		if !s.Listed || s.Desired {
			delete(v.guard.approved, e)
		}
	}
}
