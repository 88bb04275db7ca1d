package control

import (
	"strings"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/state"
)

// StatusAnswer is how one destination stands: the answer to Status, one line of `consumer status`, and one
// item of /api/v1/destinations. Counts are of contacts unless they say otherwise; nobody is named.
type StatusAnswer struct {
	Destination string `json:"destination"`
	Name        string `json:"name,omitempty"`
	Owner       string `json:"owner,omitempty"`
	Account     string `json:"account,omitempty"`
	ListID      string `json:"list_id,omitempty"`

	State  string `json:"state"`            // orphaned, suspended, paused, held, running; or inactive, unknown
	Reason string `json:"reason,omitempty"` // of a suspension
	Next   string `json:"next,omitempty"`   // the command that helps

	// The fold has not reached the stream's end as it was at the claim: what the ledger owed before waits for it.
	CatchingUp bool `json:"catching_up,omitempty"`

	// Why the ledger could not be read, where nobody is active, or nobody be asked. Then the numbers are not known, or are
	// those of an earlier time.
	Trouble string     `json:"trouble,omitempty"`
	AsOf    *time.Time `json:"as_of,omitempty"` // when the numbers were read, if they are not of now

	// Events that the stream dropped before they were folded, first and last sequence: removals wait until a refresh of
	// each segment was accepted.
	LostFrom uint64 `json:"lost_from,omitempty"`
	LostTo   uint64 `json:"lost_to,omitempty"`

	NearlyFull []broker.Fill `json:"nearly_full,omitempty"` // streams that refuse what is new when they are full

	Failing      string     `json:"failing,omitempty"` // why SendGrid takes nothing, where something is to be sent
	FailingSince *time.Time `json:"failing_since,omitempty"`

	Replica    string    `json:"replica,omitempty"` // the active one
	ConfigHash string    `json:"config_hash,omitempty"`
	Revision   uint64    `json:"revision,omitempty"`
	Epoch      uint64    `json:"epoch,omitempty"`
	Standbys   []Replica `json:"standbys,omitempty"`

	LedgerRevision uint64 `json:"ledger_revision,omitempty"` // of the last claim, where nobody is active

	ProfileCap int64 `json:"profile_cap"` // 0 is none
	Listed     int   `json:"listed"`
	Slots      int   `json:"slots"`
	Dirty      int   `json:"dirty"` // each in one of the six that follow
	Window     int   `json:"window"`
	OnTheWay   int   `json:"on_the_way"`
	InDoubt    int   `json:"in_doubt"`
	Waiting    int   `json:"waiting"`
	Held       int   `json:"held"`
	Refused    int   `json:"refused"`

	AccountContacts *int64 `json:"account_contacts,omitempty"` // as SendGrid counts them, where it was asked
	AccountCap      int64  `json:"account_cap,omitempty"`
	PlanFull        bool   `json:"plan_full,omitempty"` // the account's plan takes no more contacts: nobody is added

	Profiles               int               `json:"profiles"` // that the ledger remembers
	JobsInFlight           int               `json:"jobs_in_flight"`
	IntakePending          uint64            `json:"intake_pending"` // events
	Cursor                 uint64            `json:"cursor"`         // stream sequence
	OldestUnappliedSeconds float64           `json:"oldest_unapplied_seconds"`
	LagP50Seconds          float64           `json:"lag_p50_seconds,omitempty"` // change to applied
	LagP99Seconds          float64           `json:"lag_p99_seconds,omitempty"`
	LedgerBytes            uint64            `json:"ledger_bytes,omitempty"`
	DeadLetters            map[string]uint64 `json:"dead_letters,omitempty"`           // by reason
	LettersUncounted       bool              `json:"dead_letters_uncounted,omitempty"` // there was no time to: there may be some
	Budgets                []Budget          `json:"budgets,omitempty"`

	HeldRemovals  int               `json:"held_removals"`         // what an approval counts: held, and those of the sweeps
	HeldSweeps    []state.HeldSweep `json:"held_sweeps,omitempty"` // refreshes, and segments taken away, that are held whole
	HeldDigest    string            `json:"held_digest,omitempty"` // what an approval names
	RequestsDue   int               `json:"requests_due"`          // upserts that the contacts in their window need
	BudgetSeconds float64           `json:"budget_seconds"`        // that the rate budget makes them take; 0 is at once
	Replay        *ReplayProgress   `json:"replay,omitempty"`      // the last one
}

// ReplayProgress is how far a replay has come. Positions are stream sequences.
type ReplayProgress struct {
	ID       string `json:"id"`
	State    string `json:"state"` // running (it reads), sending, done, cancelled
	From     uint64 `json:"from"`
	To       uint64 `json:"to"`
	Position uint64 `json:"position"`
	Folded   uint64 `json:"folded"`   // events
	Touched  uint64 `json:"contacts"` // that it let become due

	Outcome *state.Outcome `json:"outcome,omitempty"` // so far, in the plan's figures
}

// Fill takes over a destination's numbers.
func (a *StatusAnswer) Fill(st state.Stats) {
	a.Epoch, a.Cursor, a.LedgerBytes = st.Epoch, st.Cursor, st.LedgerBytes
	a.Listed, a.Slots, a.Dirty = st.Listed, st.Slots, st.Dirty()
	a.Window, a.OnTheWay, a.InDoubt = st.Window, st.OnTheWay, st.InDoubt
	a.Waiting, a.Held, a.Refused = st.Waiting, st.Held, st.RefusedNow
	a.Profiles, a.JobsInFlight, a.IntakePending = st.Profiles, st.Jobs, st.Pending
	a.DeadLetters, a.PlanFull = st.Letters, st.Full
	a.OldestUnappliedSeconds = st.Age(time.Now()).Seconds()
	a.LostFrom, a.LostTo, a.CatchingUp = st.LostFrom, st.LostTo, st.CatchingUp
	if a.Failing = st.Failing; a.Failing != "" {
		since := time.UnixMilli(st.FailingSince).UTC()
		a.FailingSince = &since
	}
}

// Replica is a process that could become active.
type Replica struct {
	Name        string `json:"name"`
	ConfigHash  string `json:"config_hash"`
	Revision    uint64 `json:"revision"`
	StaleConfig bool   `json:"stale_config,omitempty"` // its configuration differs from the active one's
	Active      bool   `json:"active,omitempty"`
	Reason      string `json:"reason,omitempty"` // why it does not claim the destination
}

// Budget is what is left of a route's rate window.
type Budget struct {
	Route        string  `json:"route"`
	Limit        int     `json:"limit"`
	Remaining    int     `json:"remaining"`
	ResetSeconds float64 `json:"reset_seconds"`
}

// States that are no label of a metric.
const (
	Inactive = "inactive" // nobody is active: what is shown was read from the streams
	NotKnown = "unknown"  // nobody can be asked, and nothing was read before: what is shown is the configuration
)

// suspendedNext has every reason of a suspension, with the command or step that ends it. %s is the
// destination.
var suspendedNext = map[string]string{
	"consent":             "set destinations[].consent in the configuration (accepted_by, accepted_on, no withdrawn_on) and restart",
	"key":                 "put a valid API key where accounts[].api_key or api_key_file reads it; it is probed again by itself",
	"forbidden":           "give the API key the marketing scopes; `consumer check` says which are missing",
	"list":                "name a list that exists in a new destination, and remove this one (SendGrid gives no list the id of a deleted one); `consumer check` shows what exists",
	"fields":              "make the missing custom fields at SendGrid, or correct the mapping; `consumer check` names them",
	"target_changed":      "put base_url, on_behalf_of and list_id back, or give the new list a new destination id",
	"stream_missing":      "make the event stream again, or correct destinations[].stream; `consumer check` shows the streams",
	"stream_changed":      "if the stream was made anew on purpose: consumer rebase %s",
	"stream_unfit":        "change the stream's settings as `consumer check` says",
	"ledger_stream_unfit": "change the settings of Rollcall's own stream as `consumer check` says; it is looked at again by itself",
	"ledger_lost":         "consumer verify %s --adopt",
	"ledger_damaged":      "restore a backup (consumer ledger restore %s FILE), or: consumer verify %s --adopt",
	"newer_build":         "start the release that wrote the ledger, or a later one",
}

// Next is the line that helps with a destination in trouble; empty where nothing needs doing.
func Next(destination, state, reason string) string {
	switch state {
	case "suspended":
		return fill(suspendedNext[reason], destination)
	case "paused":
		return "consumer resume " + destination
	case "held":
		return "consumer approve " + destination
	case "orphaned":
		return fill("put it back into the configuration, or: consumer remove %s", destination)
	case Inactive:
		return "start a consumer: consumer run"
	case NotKnown:
		return "is the broker up, and does the network reach it? consumer check"
	}
	return ""
}

// Advise sets the line that helps, from how the destination stands. What stops it altogether comes first, then what
// keeps some contacts from where they should be, then what was set aside.
func (a *StatusAnswer) Advise() {
	next := ""
	switch a.Next = Next(a.Destination, a.State, a.Reason); {
	case a.Next != "":
		return
	case a.Failing != "":
		next = "it is tried again by itself for as long as it takes; is it SendGrid, or the way to it: consumer check"
	case a.LostFrom > 0:
		next = "removals wait: publish each of its segments again (publisher refresh --segment SEGMENT FILE)"
	case len(a.NearlyFull) > 0:
		next = "make room in stream " + a.NearlyFull[0].Stream + ": " + a.NearlyFull[0].Help()
	case a.PlanFull:
		next = "make room in the account or take a larger plan, then: consumer resume %s"
	case a.Waiting > 0:
		next = "raise profile_cap, or see who waits: consumer waiting %s"
	case a.Refused > 0:
		next = "see why contacts are refused: consumer dead-letters list %s; after a correction: consumer dead-letters retry %s"
	}
	a.Next = fill(next, a.Destination)
}

func fill(text, destination string) string { return strings.ReplaceAll(text, "%s", destination) }
