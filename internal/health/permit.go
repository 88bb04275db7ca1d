package health

import (
	"time"

	"rollcall/internal/sendgrid/class"
)

// Permit is what may be sent now.
type Permit struct {
	All       bool // upserts, removals and deletions
	Deletions bool // of erasures: neither a hold nor most suspensions stop them
	Check     bool // nothing, until a look at the destination has found it in order; the look is wanted now
	Probe     bool // the small request that may end the suspension is wanted now
	Single    bool // one request of a kind at a time: SendGrid takes none at present
}

// Permit tells what may be sent now.
func (h *Health) Permit(now time.Time) Permit {
	switch {
	case now.Before(h.restEnd):
		return Permit{}
	case h.reason != None && h.reason != Consent:
		return Permit{
			Deletions: h.reason != Key && h.route != class.RouteDelete && h.route != class.RouteEmails,
			Probe:     !h.probing && !now.Before(h.probeAt),
		}
	case !h.checked:
		return Permit{Check: !h.probing}
	}
	return Permit{All: h.reason == None, Deletions: true, Single: h.failing.Why != ""}
}

// Probes reports whether the destination is suspended until a small request is taken.
func (h *Health) Probes() bool { return h.reason != None && h.reason != Consent }

// Sends reports whether the destination is suspended for nothing, and looked at.
func (h *Health) Sends() bool { return h.reason == None }

// Reads reports whether answers may be expected at all: with a key that SendGrid does not know none can.
func (h *Health) Reads() bool { return h.reason != Key }
