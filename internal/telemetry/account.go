package telemetry

import (
	"slices"
	"time"
)

// Account is the handle of one SendGrid account. Its methods are safe for concurrent use, and do nothing
// on nil.
type Account struct {
	metrics *Metrics
	id      string
	routes  []string
}

// Account gives the handle of an account whose client uses these routes; the counters of each start at
// zero. Durations and budgets appear with the first request of their route.
func (m *Metrics) Account(id string, routes []string) *Account {
	if m == nil {
		return nil
	}
	for _, route := range routes {
		for _, class := range classLabels {
			m.requests.WithLabelValues(id, route, class)
		}
	}
	m.failing.WithLabelValues(id)
	return &Account{metrics: m, id: id, routes: slices.Clone(routes)}
}

// Request counts one request. Class is one of the contract's (see Class); what is outside the closed sets
// is not counted.
func (a *Account) Request(route, class string, took time.Duration) {
	if a == nil || !slices.Contains(a.routes, route) || !slices.Contains(classLabels[:], class) {
		return
	}
	a.metrics.requests.WithLabelValues(a.id, route, class).Inc()
	a.metrics.requestSeconds.WithLabelValues(a.id, route, class).Observe(took.Seconds())
}

// Class is the label of an HTTP status; 0 is no answer.
func Class(status int) string {
	switch {
	case status >= 200 && status < 300:
		return "2xx"
	case status >= 500:
		return "5xx"
	case status < 400:
		return "none" // no answer, or one that no SendGrid gives
	}
	switch status {
	case 400:
		return "400"
	case 401:
		return "401"
	case 403:
		return "403"
	case 404:
		return "404"
	case 408:
		return "408"
	case 429:
		return "429"
	}
	return "4xx"
}

// Budget shows the requests left of a route's rate window.
func (a *Account) Budget(route string, remaining int) {
	if a != nil && slices.Contains(a.routes, route) {
		a.metrics.budget.WithLabelValues(a.id, route).Set(float64(remaining))
	}
}

// Contacts shows the account's counts as SendGrid gives them.
func (a *Account) Contacts(total, billable int64) {
	if a == nil {
		return
	}
	for i, n := range [len(accountKinds)]int64{total, billable} {
		a.metrics.accountContacts.WithLabelValues(a.id, accountKinds[i]).Set(float64(n))
	}
}
