package control

import (
	"encoding/json"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/pipeline"
	"rollcall/internal/state"
)

// ExplainArgs names one person: a profile's id or an e-mail.
type ExplainArgs struct {
	Person string `json:"person"`
	Live   bool   `json:"live,omitempty"` // ask SendGrid too
}

// ExplainAnswer is one person's whole story.
type ExplainAnswer struct {
	Destination string               `json:"destination"`
	Active      string               `json:"active,omitempty"` // the replica that told it; empty: read from the streams
	Contacts    []ContactAnswer      `json:"contacts,omitempty"`
	Profiles    []state.ProfileStory `json:"profiles,omitempty"`
	Erased      uint64               `json:"erased_sequence,omitempty"`
	DeadLetters []Letter             `json:"dead_letters,omitempty"`

	Trouble string `json:"trouble,omitempty"` // of the destination, where it keeps changes from being sent
	Next    string `json:"next,omitempty"`    // the command that helps with it
}

// Unknown is the state of a contact that the ledger has never heard of and SendGrid has.
const Unknown = "unknown"

// ContactAnswer is one contact, with its mapped values.
type ContactAnswer struct {
	state.ContactStory
	Fields       map[string]string `json:"fields,omitempty"`        // as mapped now from the event that set them
	FieldsNote   string            `json:"fields_note,omitempty"`   // why there are none, or what is wrong with them
	Receipts     []json.RawMessage `json:"receipts,omitempty"`      // of the request that sent it last
	ReceiptsNote string            `json:"receipts_note,omitempty"` // where they are of more requests than that one
	SendGrid     *LiveAnswer       `json:"sendgrid,omitempty"`      // what SendGrid says now
}

// LiveAnswer is what SendGrid says of a contact now.
type LiveAnswer struct {
	Found      bool           `json:"found"`   // in the account
	OnList     bool           `json:"on_list"` // of the destination
	Suppressed bool           `json:"globally_suppressed"`
	Fields     map[string]any `json:"fields,omitempty"`
	Error      string         `json:"error,omitempty"` // it could not be asked
}

// WaitingArgs bounds how many are named.
type WaitingArgs struct {
	Limit int `json:"limit,omitempty"` // 0 is 100
}

// WaitingAnswer is who waits for a slot, the next one first.
type WaitingAnswer struct {
	Destination string       `json:"destination"`
	Total       int          `json:"total"`
	Line        []state.Turn `json:"line"`
}

// LetterFilter chooses dead letters. Empty fields choose all.
type LetterFilter struct {
	Reason   string    `json:"reason,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Profile  string    `json:"profile,omitempty"`
	Sequence uint64    `json:"sequence,omitempty"` // of the event
	Reveal   bool      `json:"reveal,omitempty"`   // with headers and body
	Limit    int       `json:"limit,omitempty"`    // of those listed, the newest; 0 is 100
}

// Letter is one dead letter. Header and Body are there only where they were asked for.
type Letter struct {
	Letter   uint64              `json:"letter"` // its own sequence
	Time     time.Time           `json:"time"`
	Reason   string              `json:"reason"`
	Detail   string              `json:"detail,omitempty"`
	Sequence uint64              `json:"sequence"` // of the event
	Attempts int                 `json:"attempts,omitempty"`
	Missing  string              `json:"body_missing,omitempty"` // expired, or omitted
	Subject  string              `json:"subject,omitempty"`
	Header   map[string][]string `json:"header,omitempty"`
	Body     string              `json:"body,omitempty"`
}

// LettersAnswer is a destination's dead letters.
type LettersAnswer struct {
	Destination string            `json:"destination"`
	Total       int               `json:"total"`
	ByReason    map[string]uint64 `json:"by_reason"`
	Letters     []Letter          `json:"letters"`
}

// RetryAnswer says what became of dead letters that were to be tried again.
type RetryAnswer struct {
	Destination string `json:"destination"`
	Letters     int    `json:"letters"`
	pipeline.Retried
	Discarded int `json:"discarded,omitempty"`
}

// ApproveArgs names what was shown.
type ApproveArgs struct {
	Count  int    `json:"count,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// LedgerArgs asks for more than the commands.
type LedgerArgs struct {
	Digest bool `json:"digest,omitempty"` // of the whole state; the loop stands still for it
}

// LedgerAnswer is how the state stands, and the commands that were given, the oldest first.
type LedgerAnswer struct {
	Destination string           `json:"destination"`
	Cursor      uint64           `json:"cursor"`
	Epoch       uint64           `json:"epoch"`
	Profiles    int              `json:"profiles"`
	Contacts    int              `json:"contacts"`
	Listed      int              `json:"listed"`
	Digest      string           `json:"digest,omitempty"`
	Commands    []record.Command `json:"commands"`
}

// StandArgs are findings of a verify, by e-mail.
type StandArgs struct {
	Listed   []string `json:"listed,omitempty"`   // on the list, with fields that nobody confirmed
	Unlisted []string `json:"unlisted,omitempty"` // not on the list
	Adopt    bool     `json:"adopt,omitempty"`    // also those that we never put there
}

// StandAnswer is how many of them were taken.
type StandAnswer struct {
	Taken   int `json:"taken"`
	Skipped int `json:"skipped"` // on their way or in doubt: their end tells how they stand
}

// ReplayArgs says what is read again, in stream sequences.
type ReplayArgs struct {
	From    uint64 `json:"from_sequence,omitempty"`
	Until   uint64 `json:"until_sequence,omitempty"` // profiles with an event up to it are chosen
	Segment string `json:"segment,omitempty"`
	Profile string `json:"profile,omitempty"`
	Force   bool   `json:"force,omitempty"`
	Planned uint64 `json:"planned_sequence,omitempty"` // the cursor that the plan was made at; 0 is none
	Cancel  bool   `json:"cancel,omitempty"`           // ends the one under way instead
}

// ReplayAnswer is a replay as it stands.
type ReplayAnswer struct {
	Destination string `json:"destination"`
	ReplayProgress
	Plan *pipeline.Plan `json:"plan,omitempty"` // what was shown before it started
}

// Progress is a replay's progress for readers.
func Progress(r *record.Replay, outcome *state.Outcome) ReplayProgress {
	p := ReplayProgress{ID: r.ID, State: r.State, From: r.From, To: r.To, Position: r.Position, Folded: r.Folded, Touched: r.Touched}
	if r.State != state.ReplayRunning {
		p.Outcome = outcome
	}
	return p
}
