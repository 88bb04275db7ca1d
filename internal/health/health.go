package health

import (
	"time"

	"rollcall/internal/sendgrid/class"
)

// Intervals are the lengths of rests after failures in a row, each longer than the one before.
type Intervals interface {
	NextBackOff() time.Duration
	Reset()
}

// Policy is what does not change while a destination runs.
type Policy struct {
	Probe    time.Duration // from one small request of a suspended destination to the next
	Check    bool          // the destination is looked at before its first request
	Resolve  bool          // its custom fields can be asked for again
	Rests    Intervals
	MostLone int // contacts that may be refused in a row, none of them named, before the pace slows
}

// Failure is an answer that says nothing of single contacts, or the absence of one.
type Failure struct {
	Class class.Class // zero is no answer of SendGrid's at all
	Route class.Route
	Rest  time.Duration // at least so long until the next request; zero is unknown
	Text  string        // what operators read; it names no contact (I12)
}

// Change is what a call changed, for the caller to log.
type Change uint8

// The changes.
const (
	Unchanged Change = iota
	Suspended        // it was not, or for another reason
	StillSuspended
	Resumed
	Failed // it rests
)

// Failing is SendGrid's trouble as status tells it.
type Failing struct {
	Since time.Time // no request that changes something was taken since; zero is no trouble
	Why   string    // of the last one
}

// Health is one destination's.
type Health struct {
	policy  Policy
	reason  Reason
	was     Reason      // before reason
	route   class.Route // whose refusal suspended it first; empty if a look did
	probeAt time.Time
	probing bool
	defined bool // the fields that an upsert was refused for are there by now
	checked bool // the look before the first request found nothing wrong
	missing bool // custom fields were not all known when it was claimed
	restEnd time.Time
	failing Failing
	lone    int
}

// New returns the health of a destination that has sent nothing yet; the configuration may give a reason to suspend it.
func New(p Policy, reason Reason) *Health {
	return &Health{policy: p, reason: reason, checked: !p.Check}
}

// FieldsMissing notes that not all custom fields of the mapping are known. That suspends the destination, unless a look before
// its first request is to tell what is missing from what could not be asked.
func (h *Health) FieldsMissing() Change {
	h.missing = true
	if h.reason != None || h.policy.Check {
		return Unchanged
	}
	h.reason = Fields
	return Suspended
}

// Reason is why the destination is suspended.
func (h *Health) Reason() Reason { return h.reason }

// Was is the reason before, for the log of a change.
func (h *Health) Was() Reason { return h.was }

// Failing is SendGrid's trouble, as long as no request was taken since.
func (h *Health) Failing() Failing { return h.failing }

// RestEnd is when the next request may leave at the earliest; the zero time is now.
func (h *Health) RestEnd() time.Time { return h.restEnd }

// Refused takes an answer that may mean that the destination can't be sent to. An answer that suspends nothing changes nothing.
func (h *Health) Refused(f Failure, now time.Time) Change {
	reason := ReasonOf(f.Class, f.Route)
	if reason == None {
		return Unchanged
	}
	if h.reason != reason {
		h.route = f.Route // what was refused first is what has to be taken again
	}
	return h.suspend(reason, now)
}

func (h *Health) suspend(reason Reason, now time.Time) Change {
	h.probeAt, h.defined = now.Add(h.policy.Probe), false
	if h.reason == reason {
		return StillSuspended
	}
	h.was, h.reason = h.reason, reason
	return Suspended
}

// Failed takes a request's failure: it suspends the destination, or lets it rest. A request that its budget did not reach is no
// failure: the budget's window ends.
func (h *Health) Failed(f Failure, now time.Time) Change {
	if f.Class == class.OverBudget {
		return Unchanged
	}
	if change := h.Refused(f, now); change != Unchanged {
		return change
	}
	h.Rest(now, f.Rest)
	h.Fails(f.Text, now)
	return Failed
}

// Fails notes why SendGrid took nothing, or could not be asked.
func (h *Health) Fails(why string, now time.Time) {
	if h.failing.Why == "" {
		h.failing.Since = now
	}
	h.failing.Why = why
}

// Rest keeps the destination from sending for a while. Several requests of one trouble make one rest.
func (h *Health) Rest(now time.Time, atLeast time.Duration) {
	if !now.Before(h.restEnd) {
		h.restEnd = now.Add(max(h.policy.Rests.NextBackOff(), atLeast))
	}
}

// Answered takes an answer as it should be, on a route: trouble is over, and the suspension too if that route's refusal was its cause.
func (h *Health) Answered(route class.Route) Change {
	h.policy.Rests.Reset()
	h.restEnd, h.failing = time.Time{}, Failing{}
	if route != h.route {
		return Unchanged
	}
	return h.resume()
}

// Took takes an upsert that SendGrid accepted.
func (h *Health) Took() Change {
	h.lone = 0
	return h.Answered(class.RouteUpsert)
}

// Lone takes the refusal of a contact that was sent alone and that SendGrid did not name. It reports whether that happened so
// often in a row that more must be wrong than contacts; then the destination rests.
func (h *Health) Lone(now time.Time) bool {
	h.lone++
	if h.lone <= h.policy.MostLone {
		return false
	}
	h.Rest(now, 0)
	return true
}

func (h *Health) resume() Change {
	if h.reason == None || h.reason == Consent {
		return Unchanged
	}
	h.was, h.reason, h.route, h.defined = h.reason, None, "", false
	return Resumed
}
