package health

import (
	"slices"

	"rollcall/internal/sendgrid/class"
)

// Reason is why a destination is suspended. The names are the public contract's.
type Reason uint8

// The reasons. The first five suspend a destination that takes events over; the others keep it from being claimed at all.
const (
	None Reason = iota
	Consent
	Key
	Forbidden
	List
	Fields
	TargetChanged
	StreamMissing
	StreamChanged
	StreamUnfit
	LedgerLost
	LedgerDamaged
	LedgerStreamUnfit
	NewerBuild
	reasons
)

var reasonNames = [reasons]string{
	"", "consent", "key", "forbidden", "list", "fields", "target_changed", "stream_missing", "stream_changed", "stream_unfit",
	"ledger_lost", "ledger_damaged", "ledger_stream_unfit", "newer_build",
}

// String is the contract's name; empty is None.
func (r Reason) String() string { return reasonNames[r] }

// Named is the reason of a name. It reports false for a name that the contract does not have.
func Named(name string) (Reason, bool) {
	n := slices.Index(reasonNames[:], name)
	return Reason(max(n, 0)), n >= 0
}

// refusal is one row of the table of what suspends: an answer's class on the routes that it counts for.
type refusal struct {
	class  class.Class
	routes []class.Route // empty is every route but exports: look-ups do an export's work as well
	reason Reason
}

var refusals = []refusal{
	{class: class.Unauthorized, reason: Key},
	{class: class.Forbidden, reason: Forbidden},
	// On other routes a 404 is of a contact or of a job.
	{class: class.NotFound, routes: []class.Route{class.RouteUpsert, class.RouteList}, reason: List},
	{class: class.BadFields, reason: Fields},
}

// ReasonOf is what an answer of a class on a route suspends a destination for; None is an answer that suspends nothing.
func ReasonOf(c class.Class, route class.Route) Reason {
	for _, r := range refusals {
		if r.class != c {
			continue
		}
		counts := route != class.RouteExport && route != class.RouteExportJob
		if len(r.routes) > 0 {
			counts = slices.Contains(r.routes, route)
		}
		if counts {
			return r.reason
		}
	}
	return None
}
