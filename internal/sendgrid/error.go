package sendgrid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/scrub"
	"rollcall/internal/sendgrid/class"
)

// Invalid is one contact that a 400 names. Email is as contact.Spelling has the message's; Index is -1
// where no field path names it. The message names nobody.
type Invalid struct {
	Index   int
	Email   string
	Message string
}

// Error is every failure of a call. Its text holds no address and no key.
type Error struct {
	Class      Class
	Status     int // 0: no answer
	Route      Route
	Message    string // SendGrid's, addresses and what was sent cut out, or ours
	Invalid    []Invalid
	Fields     []string      // ids of custom fields that SendGrid does not take
	RetryAfter time.Duration // at least so long until the next try; 0 is unknown
	RequestID  string
	cause      error
	shaped     bool // the body is of SendGrid's own shape
}

// Error names the route, the status and SendGrid's message.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("sendgrid " + string(e.Route) + ": ")
	if e.Status > 0 {
		b.WriteString(strconv.Itoa(e.Status) + ": ")
	}
	b.WriteString(e.Message)
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns the cause, for errors.Is on contexts.
func (e *Error) Unwrap() error {
	if errors.Is(e.cause, context.Canceled) || errors.Is(e.cause, context.DeadlineExceeded) {
		return e.cause
	}
	return nil
}

// NoEffect reports whether the request certainly changed nothing: any 4xx but 408, and no connection.
func (e *Error) NoEffect() bool {
	if e.Class == NoConnection || e.Class == OverBudget || e.Class == Malformed {
		return e.Class != Malformed
	}
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout
}

// transportClass tells a request that never left from one whose answer is missing.
func transportClass(wrote bool) Class {
	if wrote {
		return Ambiguous
	}
	return NoConnection
}

// transportMessage says what went wrong without the URL: that may hold ids.
func transportMessage(err error, wrote bool) string {
	what := "SendGrid cannot be reached"
	if wrote {
		what = "the request was sent and no answer came"
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return what + ": the deadline passed"
	case errors.Is(err, context.Canceled):
		return what + ": it was given up"
	case errors.As(err, &dns):
		return what + ": its name is not resolved"
	case errors.As(err, &op):
		return what + ": " + op.Op + ": " + scrub.Text(op.Err.Error())
	}
	return what
}

// classify reads an answer that is no 2xx.
func classify(c call, res *http.Response, body []byte) *Error {
	sent := scrub.Sent(c.body)
	e := &Error{Status: res.StatusCode, Route: c.route, RequestID: sent.Text(requestID(res.Header))}
	items, wrapped := errorItems(body)
	e.shaped = len(items) > 0
	e.Message = message(items, body, sent)
	e.Class = class.OfStatus(res.StatusCode)
	foreign := len(items) == 0 && len(bytes.TrimSpace(body)) > 0
	switch {
	case e.Class == BadRequest:
		e.judge(items, sent)
		if foreign {
			e.Class = Malformed // a gateway's page blames nobody's contact
		}
	case e.Class == RateLimited:
		e.RetryAfter = resetDelta(res.Header, time.Now())
	case e.Class == NotFound:
		// A gateway's page says nothing of the list, and of the contacts only what SendGrid says counts (hazard H8).
		if len(items) == 0 || c.route == RouteEmails && !wrapped {
			e.Class = Malformed
		}
	case foreign && (e.Class == Unauthorized || e.Class == Forbidden):
		e.Class = Malformed
	}
	return e
}

// judge reads what a 400 blames.
func (e *Error) judge(items []errorItem, sent scrub.Known) {
	e.Invalid = invalid(items, sent)
	for _, it := range items {
		if m := badFields.FindStringSubmatch(it.Message); m != nil {
			e.Fields = append(e.Fields, strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })...)
		}
	}
	switch {
	case looksTooLarge(e.Message):
		e.Class = TooLarge
	case len(e.Invalid) > 0:
		e.Class = BadContacts
	case len(e.Fields) > 0:
		e.Class = BadFields
	}
}

// errorItem is one error as SendGrid writes it.
type errorItem struct {
	Message string `json:"message"`
	Field   string `json:"field"`
	ErrorID string `json:"error_id"`
}

// errorItems reads error bodies of every shape seen: an array or one object under errors (wrapped), one
// bare object, a bare array. Anything else holds none (rule 27).
func errorItems(body []byte) (items []errorItem, wrapped bool) {
	var outer struct {
		Errors json.RawMessage `json:"errors"`
	}
	raw := json.RawMessage(bytes.TrimSpace(body))
	if json.Unmarshal(raw, &outer) == nil && len(outer.Errors) > 0 {
		raw, wrapped = outer.Errors, true
	}
	if json.Unmarshal(raw, &items) == nil {
		return slices.DeleteFunc(items, func(it errorItem) bool { return it == errorItem{} }), wrapped
	}
	var one errorItem
	if json.Unmarshal(raw, &one) == nil && one.Message != "" {
		return []errorItem{one}, wrapped
	}
	return nil, wrapped
}

var (
	named     = regexp.MustCompile(`(?s)email '(.+?)' is not valid`)
	badFields = regexp.MustCompile(`(?i)invalid custom field ids supplied - (.+)`)
	contactAt = regexp.MustCompile(`^contacts\[(\d+)\]`)
)

// invalid reads which contacts a 400 names: by the message's address first, by the index second.
func invalid(items []errorItem, sent scrub.Known) []Invalid {
	var out []Invalid
	for _, it := range items {
		in := Invalid{Index: -1, Message: sent.Answer(it.Message)}
		if m := named.FindStringSubmatch(it.Message); m != nil {
			in.Email = contact.Spelling(m[1])
		}
		if m := contactAt.FindStringSubmatch(it.Field); m != nil {
			in.Index, _ = strconv.Atoi(m[1])
		}
		if in.Email != "" || in.Index >= 0 {
			out = append(out, in)
		}
	}
	return out
}

// message joins SendGrid's messages, with addresses and what was sent cut out.
func message(items []errorItem, body []byte, sent scrub.Known) string {
	if len(items) == 0 {
		if len(bytes.TrimSpace(body)) == 0 {
			return "an answer without a body"
		}
		return "an answer that is not of SendGrid's shape"
	}
	var b strings.Builder
	for i, it := range items {
		if i == 3 {
			b.WriteString("; and " + strconv.Itoa(len(items)-3) + " more")
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(sent.Answer(it.Message))
	}
	return b.String()
}

func looksTooLarge(message string) bool {
	m := strings.ToLower(message)
	return strings.Contains(m, "too large") || strings.Contains(m, "larger than") || strings.Contains(m, "exceeds the maximum")
}

// requestIDs are of letters, digits and dashes: it is a gateway that writes them.
var requestIDs = regexp.MustCompile(`^[0-9A-Za-z=_-]{1,64}$`)

func requestID(h http.Header) string {
	for _, name := range []string{"x-amzn-requestid", "x-request-id"} {
		if v := h.Get(name); requestIDs.MatchString(v) {
			return v
		}
	}
	return ""
}

// classLabel is the metric label of a call's outcome.
func classLabel(err error) string {
	var e *Error
	if err == nil {
		return "2xx"
	}
	if !errors.As(err, &e) || e.Status == 0 {
		return "none"
	}
	switch s := e.Status; s {
	case 400, 401, 403, 404, 408, 429:
		return strconv.Itoa(s)
	default:
		if s >= 500 {
			return "5xx"
		}
		if s >= 400 {
			return "4xx"
		}
		return "none"
	}
}
