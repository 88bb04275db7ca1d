// Package segment speaks the segmentation engine's words: events as CloudEvents, changes of membership,
// attributes, subjects, and the reasons for which an event is set aside.
//
// It guarantees that decoding is strict JSON, never panics, and allocates nothing for an event that is
// good. It judges an event by itself alone: what the event means for a list is the fold's business. It
// imports the standard library only.
package segment

// Kind is what an event is about.
type Kind uint8

// The kinds of events.
const (
	Unknown Kind = iota
	Membership
	Refreshed
	Erased
)

// Change is what happened to a membership.
type Change uint8

// The changes.
const (
	Entered Change = iota + 1
	Exited
)

// String returns the change as events spell it.
func (c Change) String() string {
	switch c {
	case Entered:
		return "entered"
	case Exited:
		return "exited"
	}
	return ""
}

// The types of events.
const (
	TypeMembership = "rollcall.membership.changed.v1"
	TypeRefreshed  = "rollcall.segment.refreshed.v1"
	TypeErased     = "rollcall.profile.erased.v1"
)

// MaxBody is the largest body of an event, in bytes.
const MaxBody = 65536

// Reason says why an event, or a contact, is set aside as a dead letter. The set is closed.
type Reason string

// The reasons.
const (
	ReasonTooLarge        Reason = "too_large"
	ReasonUnreadable      Reason = "unreadable"
	ReasonUnknownType     Reason = "unknown_type"
	ReasonSchema          Reason = "schema"
	ReasonSubjectMismatch Reason = "subject_mismatch"
	ReasonNoEmail         Reason = "no_email"
	ReasonInvalidEmail    Reason = "invalid_email"
	ReasonBadValue        Reason = "bad_value"
	ReasonRefreshRefused  Reason = "refresh_refused"
	ReasonSendGridRefused Reason = "sendgrid_refused"
	ReasonOtherIdentifier Reason = "other_identifier"
)

// Reasons are all of them, in the contract's order.
var Reasons = []Reason{
	ReasonTooLarge, ReasonUnreadable, ReasonUnknownType, ReasonSchema, ReasonSubjectMismatch, ReasonNoEmail,
	ReasonInvalidEmail, ReasonBadValue, ReasonRefreshRefused, ReasonSendGridRefused, ReasonOtherIdentifier,
}

// Event is one decoded event. Its byte slices alias the body or the decoder's scratch: they are valid
// until the next Decode.
type Event struct {
	Kind          Kind
	Change        Change
	ID, Source    []byte
	Segment       []byte
	Profile       []byte
	Attributes    []byte // a raw JSON object; nil where absent or null
	FirstSequence uint64
	Count         uint64
	Emails        [][]byte // that an erasure names
}

// Problem is why an event is set aside. Fold says that its segment, profile and change are good all the
// same: it is folded, as one without a usable e-mail.
type Problem struct {
	Reason Reason
	Detail string // names fields, never a value
	Fold   bool
}
