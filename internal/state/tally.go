package state

import (
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
)

// Tally is what came of a replay, counted as contacts came to their end.
type Tally struct {
	NoOps     uint64 `json:"no_ops,omitempty"`
	Bad       uint64 `json:"bad,omitempty"`
	Overtaken uint64 `json:"overtaken,omitempty"` // events, while they were on their way into the ledger

	Upserts  int `json:"upserts,omitempty"` // applied
	Adds     int `json:"adds,omitempty"`    // of them: they took a slot
	Removals int `json:"removals,omitempty"`
	Waiting  int `json:"waiting,omitempty"` // at its end
	Held     int `json:"held,omitempty"`
	Refused  int `json:"refused,omitempty"`
	Live     int `json:"live,omitempty"` // contacts that live changes decided

	UpsertRequests int   `json:"upsert_requests,omitempty"`
	RemoveRequests int   `json:"remove_requests,omitempty"`
	Slots          int   `json:"slots"` // taken when it started; then by how many more of others at its end
	Ended          int64 `json:"ended,omitempty"`
}

// Outcome is what a replay did so far, in the figures of its plan, and what live changes had to do with it. On a
// quiet stream its figures are the plan's; elsewhere they differ by what Live itemises.
type Outcome struct {
	Events     uint64 `json:"events"`
	Superseded uint64 `json:"superseded"`
	NoOps      uint64 `json:"no_ops"`
	Bad        uint64 `json:"bad"`

	Upserts  int `json:"upserts"` // applied
	Removals int `json:"removals"`
	Waiting  int `json:"waiting"` // at its end
	Held     int `json:"held_removals"`
	Refused  int `json:"refused,omitempty"` // by SendGrid

	Requests map[string]int `json:"requests"`
	Seconds  float64        `json:"seconds"` // from its start to its end
	Live     LiveChanges    `json:"live"`
}

// LiveChanges is what made a replay differ from its plan.
type LiveChanges struct {
	Since     uint64 `json:"events_since_plan"`     // read besides: they came between the plan and the start
	Overtaken uint64 `json:"events_overtaken"`      // of the plan's, by newer ones that came since
	Contacts  int    `json:"contacts"`              // of the plan's, decided by live changes instead
	Slots     int    `json:"slots_taken,omitempty"` // under the cap meanwhile; fewer than zero were freed
}

// OutcomeOf gives a replay's figures; nil where an earlier build ran it.
func OutcomeOf(r *record.Replay, t *Tally) *Outcome {
	if r == nil || t == nil {
		return nil
	}
	o := &Outcome{
		Events: r.Folded, Superseded: r.Superseded, NoOps: t.NoOps, Bad: t.Bad,
		Upserts: t.Upserts, Removals: t.Removals, Waiting: t.Waiting, Held: t.Held, Refused: t.Refused,
		Requests: map[string]int{"upsert": t.UpsertRequests},
		Live:     LiveChanges{Since: r.Later, Overtaken: r.Overtaken + t.Overtaken, Contacts: t.Live},
	}
	if t.RemoveRequests > 0 {
		o.Requests["remove"] = t.RemoveRequests
	}
	if t.Ended > 0 {
		o.Seconds, o.Live.Slots = time.Duration(t.Ended-r.Started).Seconds(), t.Slots
	}
	return o
}

// Outcome returns what the last replay did so far; nil where there was none.
func (s *State) Outcome() *Outcome { return OutcomeOf(s.Meta.Replay, s.Meta.Tally) }

// request counts one of the replay's requests.
func (t *Tally) request(op contact.Operation) {
	if op == contact.Upsert {
		t.UpsertRequests++
	} else {
		t.RemoveRequests++
	}
}

// tally counts for the replay under way.
func (s *State) tally(count func(*Tally)) {
	if s.Meta.Tally != nil && s.Replaying() {
		count(s.Meta.Tally)
	}
}

// Closed is the tally of the replay under way as its end leaves it; nil where an earlier build began it.
func (s *State) Closed(at int64) *Tally {
	if s.Meta.Tally == nil || !s.Replaying() {
		return s.Meta.Tally
	}
	t := *s.Meta.Tally
	for _, h := range s.Bulk.Released.Handles() {
		switch s.Book.At(contact.Handle(h)).Place() {
		case plan.Waiting:
			t.Waiting++
		case plan.Held:
			t.Held++
		case plan.Refused:
			t.Refused++
		case plan.Nowhere:
		}
	}
	t.Slots = s.Book.Slots() - t.Slots - t.Adds + t.Removals
	t.Ended = at
	return &t
}
