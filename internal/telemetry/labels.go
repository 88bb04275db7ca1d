package telemetry

// EventType is the kind of an event, in the numbers of segment.Kind.
type EventType uint8

// The kinds of events.
const (
	Unknown EventType = iota
	Membership
	Refreshed
	Erased
	eventTypes
)

// Result is what came of an event.
type Result uint8

// The results of an event.
const (
	Folded Result = iota
	Stale         // older than what is known, or the same again
	Dead
	results
)

// Outcome is what came of an operation on one contact.
type Outcome uint8

// The outcomes of an operation.
const (
	Accepted Outcome = iota
	Applied
	Refused
	outcomes
)

// FieldResult is what became of a field that was not sent as it should be.
type FieldResult uint8

// The results of a field.
const (
	Omitted   FieldResult = iota // a bad value, with on_bad_value: omit
	Uncleared                    // a number or date that the profile lacks now
	fieldResults
)

// State is the first that holds of a destination.
type State uint8

// The states of a destination, the first that holds.
const (
	Orphaned State = iota
	Suspended
	Paused
	Held
	Running
	states
)

// The labels by number.
var (
	eventTypeLabels   = [eventTypes]string{"unknown", "membership", "refreshed", "erased"}
	resultLabels      = [results]string{"folded", "stale", "dead"}
	outcomeLabels     = [outcomes]string{"accepted", "applied", "refused"}
	fieldResultLabels = [fieldResults]string{"omitted", "uncleared"}
	stateLabels       = [states]string{"orphaned", "suspended", "paused", "held", "running"}
	operationLabels   = [operations]string{"upsert", "remove", "delete"}
	contactLabels     = [...]string{"listed", "dirty", "window", "on_the_way", "in_doubt", "waiting", "held", "refused"}
	classLabels       = [...]string{"2xx", "400", "401", "403", "404", "408", "429", "4xx", "5xx", "none"}
	accountKinds      = [...]string{"total", "billable"}
)

// operations is how many there are; contact.Upsert, the first, is 1.
const operations = 3

// reasonLabels are the reasons of dead letters.
var reasonLabels = [...]string{
	"too_large", "unreadable", "unknown_type", "schema", "subject_mismatch", "no_email", "invalid_email",
	"bad_value", "refresh_refused", "sendgrid_refused", "other_identifier",
}

// String gives the state's label.
func (s State) String() string {
	if s >= states {
		return "unknown"
	}
	return stateLabels[s]
}
