package health

import (
	"time"

	"rollcall/internal/sendgrid/class"
)

// Look is a reading that can end a suspension.
type Look uint8

// The looks.
const (
	LookList    Look = iota // at the list
	LookFields              // at the account's custom fields
	LookCheck               // at everything, as before the first request
	LookContact             // for a contact that is nobody's
	LookJob                 // at a job that is open
)

// Write is the route on which one small request that changes something would show whether the suspension is over. It
// reports false if a reading has to show it.
func (h *Health) Write() (class.Route, bool) {
	if h.reason != Forbidden && h.reason != List && !h.defined {
		return "", false
	}
	if !changes(h.route) {
		return "", false
	}
	return h.route, true
}

// changes reports whether the requests of a route change something at SendGrid.
func changes(route class.Route) bool {
	return route == class.RouteUpsert || route == class.RouteRemove || route == class.RouteDelete
}

// Unneeded ends the suspension for custom fields that are there by now, if no contact needs them any more.
func (h *Health) Unneeded() Change {
	if !h.defined {
		return Unchanged
	}
	return h.resume()
}

// Tried notes that the small request that changes something is on its way.
func (h *Health) Tried(now time.Time) { h.probeAt = now.Add(h.policy.Probe) }

// Begin notes that a reading is on its way, and says which: the smallest of the kind that was refused. openJob says whether
// there is a job to ask for.
func (h *Health) Begin(openJob bool, now time.Time) Look {
	h.probing = true
	h.Tried(now)
	switch {
	case h.policy.Resolve && (h.missing || h.reason == Fields):
		return LookFields
	case h.route == "" && !h.checked:
		return LookCheck
	case h.route == class.RouteEmails:
		return LookContact
	case h.route == class.RouteJob && openJob:
		return LookJob
	}
	return LookList
}

// Looked takes the end of a reading.
func (h *Health) Looked(well bool) Change {
	h.probing = false
	if !well {
		return Unchanged
	}
	route := h.route
	change := h.resume()
	h.Answered(route)
	return change
}

// BeginCheck notes that the look before the first request is on its way.
func (h *Health) BeginCheck() { h.probing = true }

// Checked takes the end of that look. A reason suspends the destination; a look that failed lets it rest. It reports whether
// custom fields have to be asked for before anything is sent.
func (h *Health) Checked(reason Reason, failed bool, now time.Time) (change Change, fields bool) {
	h.probing = false
	switch {
	case reason != None:
		h.route = ""
		return h.suspend(reason, now), false
	case failed && (h.reason == None || h.reason == Consent):
		h.Rest(now, 0)
		return Failed, false
	case failed:
		return Unchanged, false
	}
	change = h.resume()
	if h.missing {
		h.probing = true
		return change, true
	}
	h.checked, h.failing = true, Failing{}
	h.policy.Rests.Reset()
	return change, false
}

// FieldsFound takes that SendGrid knows all custom fields, under the ids that we have. If an upsert was refused for them, one
// has to be taken before the suspension ends.
func (h *Health) FieldsFound() Change {
	h.probing = false
	if changes(h.route) {
		h.defined, h.probeAt = true, time.Time{}
		return Unchanged
	}
	return h.Looked(true)
}

// Ask lets the next small request leave at once: an operator resumed the destination.
func (h *Health) Ask() {
	if h.reason != None && h.reason != Consent {
		h.probeAt = time.Time{}
	}
}
