// Package class says what an answer of SendGrid's means, and which requests SendGrid counts together. It does no I/O, so that
// what decides may take it; package sendgrid makes the requests and reads the answers.
package class

// Class is what an answer, or its absence, means.
type Class uint8

// The classes.
const (
	BadContacts  Class = iota + 1 // a 400 that names contacts: nothing was queued
	BadRequest                    // another 4xx of ours
	TooLarge                      // the body is larger than SendGrid takes
	Unauthorized                  // the key is not taken
	Forbidden                     // the key lacks a scope
	NotFound                      // the list, the job or the contacts are not there
	RateLimited                   // later
	TimedOut                      // a 408: it may have been done
	Unavailable                   // a 5xx: it may have been done
	NoConnection                  // certainly nothing reached SendGrid
	Ambiguous                     // sent, and no answer came
	Malformed                     // an answer that is not of SendGrid's shape
	BadFields                     // a 400 that names custom fields: their ids have to be resolved again
	OverBudget                    // not sent: its route's budget did not reach it within its deadline
	classes
)

var names = [classes]string{
	"none", "bad contacts", "bad request", "too large", "unauthorized", "forbidden", "not found", "rate limited", "timed out",
	"unavailable", "no connection", "ambiguous", "malformed", "bad fields", "over budget",
}

// String names the class, for tests and logs.
func (c Class) String() string { return names[c] }

// ofStatus is the one table of what a status means; a 400 is read further by its body.
var ofStatus = map[int]Class{
	401: Unauthorized,
	403: Forbidden,
	404: NotFound,
	408: TimedOut,
	413: TooLarge,
	414: TooLarge,
	429: RateLimited,
}

// OfStatus is the class of a status that is no 2xx, as far as the status alone tells it.
func OfStatus(status int) Class {
	if c, known := ofStatus[status]; known {
		return c
	}
	switch status / 100 {
	case 4:
		return BadRequest
	case 5:
		return Unavailable
	}
	return Malformed // 1xx, 3xx and what no HTTP server says
}
