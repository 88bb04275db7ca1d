// Package audit compares what is on a list with what ought to be, worked out anew from the events.
//
// It guarantees that it shares nothing with the code that it judges: it imports the standard library and
// the engine's words alone (a test holds that), decodes, folds, normalises and maps by itself, slowly and
// in the plainest way, and takes the list as SendGrid's simulator truly holds it. It compares contact by
// contact and field by field, and says what is wrong without naming anybody. Which of several contacts
// got the last slots under a cap depends on time, so it asks there for as many as the cap allows, each of
// them desired; docs/invariants.md, I5, names the tests that hold the order.
package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Rules is what the destination was told.
type Rules struct {
	Segments []string
	Email    string // attribute
	Fields   []Field
	Cap      int // 0 is none
}

// Field is one mapped field besides the e-mail.
type Field struct {
	Name      string // at SendGrid
	Attribute string
	Kind      string // Text, Number or Date
}

// Event is one event as the stream holds it.
type Event struct {
	Sequence uint64
	Body     []byte
}

// Contact is one contact of the list.
type Contact struct {
	Email  string
	Fields map[string]string
}

// Change is one change of the list that was applied.
type Change struct {
	Email string
	Added bool
}

// Confirmation is a job that was reported as applied.
type Confirmation struct {
	Job string
	At  time.Time
}

// World is what there is to be looked at.
type World struct {
	Events        func(visit func(Event) error) error // in the stream's order
	Listed        []Contact
	History       []Change
	Applied       map[string]time.Time // of each job, by id; zero where it never was
	Confirmations []Confirmation
	Refused       func(email string) bool // whether SendGrid would not have the contact; nil is nobody
}

// Kind says what is wrong with a contact or a job.
type Kind string

// What can be wrong.
const (
	Missing   Kind = "missing"   // ought to be on the list
	Extra     Kind = "extra"     // is on the list, and nothing selects it
	Wrong     Kind = "wrong"     // a field has another value
	Lacking   Kind = "lacking"   // a field is not there
	Surplus   Kind = "surplus"   // a field is there that the profile does not have
	AboveCap  Kind = "above_cap" // at some time there were more than the cap
	Premature Kind = "premature" // a job was confirmed before SendGrid had applied it
	BelowCap  Kind = "below_cap" // slots are free although contacts wait
)

// Finding is one thing that is wrong. It names no person: where a contact is meant, Sequence is that of
// the event that its fields come from, 0 where there is none.
type Finding struct {
	Kind     Kind   `json:"kind"`
	Sequence uint64 `json:"sequence,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// Report is what an audit found.
type Report struct {
	Events   int          `json:"events"`   // that the stream holds
	Desired  int          `json:"desired"`  // contacts that something selects
	Refused  int          `json:"refused"`  // of them, that SendGrid would not have
	Expected int          `json:"expected"` // on the list
	Listed   int          `json:"listed"`
	Fields   int          `json:"fields"` // values compared
	Jobs     int          `json:"jobs"`   // confirmations compared
	Wrong    int          `json:"wrong"`
	Counts   map[Kind]int `json:"counts,omitempty"`
	First    []Finding    `json:"first,omitempty"` // at most findingsKept
}

// findingsKept is how many findings are told one by one.
const findingsKept = 20

// Clean reports whether nothing was wrong.
func (r *Report) Clean() bool { return r.Wrong == 0 }

func (r *Report) find(f Finding) {
	if r.Counts == nil {
		r.Counts = map[Kind]int{}
	}
	r.Wrong++
	r.Counts[f.Kind]++
	if len(r.First) < findingsKept {
		r.First = append(r.First, f)
	}
}

// Check audits a list.
func Check(rules Rules, world World) (*Report, error) {
	state := newFold(rules)
	report := &Report{Listed: len(world.Listed)}
	err := world.Events(func(e Event) error {
		report.Events++
		state.add(e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the events to be audited: %w", err)
	}
	state.finish()
	desired := state.desired()
	report.Desired = len(desired)
	allowed := make(map[string]person, len(desired))
	for email, p := range desired {
		if world.Refused != nil && world.Refused(email) {
			report.Refused++
			continue
		}
		allowed[email] = p
	}
	report.Expected = len(allowed)
	if rules.Cap > 0 {
		report.Expected = min(report.Expected, rules.Cap)
	}
	compare(report, rules, allowed, world.Listed)
	checkHistory(report, rules, world.History)
	checkConfirmations(report, world)
	slices.SortStableFunc(report.First, func(a, b Finding) int { return cmp.Compare(a.Kind, b.Kind) })
	return report, nil
}

// compare compares the list with those who may be on it.
func compare(report *Report, rules Rules, allowed map[string]person, listed []Contact) {
	found := make(map[string]bool, len(listed))
	for _, c := range listed {
		p, ok := allowed[c.Email]
		if !ok {
			report.find(Finding{Kind: Extra, Detail: "nothing selects it"})
			continue
		}
		found[c.Email] = true
		compareFields(report, rules, p, c)
	}
	if report.Expected < len(allowed) { // under a cap: any of them, but as many as fit
		if len(found) < report.Expected {
			report.find(Finding{Kind: BelowCap, Detail: fmt.Sprintf("%d on the list, %d may be, and %d are desired", len(found), report.Expected, len(allowed))})
		}
		return
	}
	for email, p := range allowed {
		if !found[email] {
			report.find(Finding{Kind: Missing, Sequence: p.sequence})
		}
	}
}

func compareFields(report *Report, rules Rules, p person, c Contact) {
	for _, field := range rules.Fields {
		want, there := value(field, p.attributes[field.Attribute])
		got := c.Fields[field.Name]
		report.Fields++
		switch {
		case there && got == "" && want != "":
			report.find(Finding{Kind: Lacking, Sequence: p.sequence, Detail: field.Name})
		case there && got != want:
			report.find(Finding{Kind: Wrong, Sequence: p.sequence, Detail: field.Name})
		case !there && got != "" && field.Kind == "Text": // numbers and dates can't be cleared at SendGrid
			report.find(Finding{Kind: Surplus, Sequence: p.sequence, Detail: field.Name})
		}
	}
}

// checkHistory asks whether there were ever more contacts on the list than the cap.
func checkHistory(report *Report, rules Rules, history []Change) {
	if rules.Cap == 0 {
		return
	}
	on, most := 0, 0
	for _, change := range history {
		if change.Added {
			on++
		} else {
			on--
		}
		most = max(most, on)
	}
	if most > rules.Cap {
		report.find(Finding{Kind: AboveCap, Detail: fmt.Sprintf("%d on the list at some time, the cap is %d", most, rules.Cap)})
	}
}

// checkConfirmations asks of every job that was reported as applied whether it had been (I7).
func checkConfirmations(report *Report, world World) {
	for _, c := range world.Confirmations {
		applied, known := world.Applied[c.Job]
		if !known {
			continue
		}
		report.Jobs++
		if applied.IsZero() || c.At.Before(applied) {
			report.find(Finding{Kind: Premature, Detail: "job " + c.Job})
		}
	}
}
