// Package sendgrid talks to SendGrid's v3 Marketing API: upserts, removals, jobs, look-ups, exports,
// lists, field definitions.
//
// It makes one attempt a call, after waiting for the budget of its route; what failed, and whether
// anything can have changed at SendGrid, is told by one typed Error. When to try again is the caller's
// business. It guarantees that no key and no e-mail is in an error or a log line, that a redirect is
// never followed with the key, and that an answer counts as SendGrid's only where it has SendGrid's
// shape. The rules are those of docs/sendgrid.md, cited by number.
package sendgrid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// maxAnswer bounds how much of an answer is read into memory, in bytes.
const maxAnswer = 32 << 20

// Options is one account's client.
type Options struct {
	BaseURL    string // without a trailing slash; empty is the global one
	OnBehalfOf string // a subuser; empty is the account itself
	Key        func() (string, error)
	Forget     func() // the key was refused: read it again the next time; may be nil
	Transport  http.RoundTripper
	ClockScale float64 // divides the waits on SendGrid's work; one but for a simulator
	ExportFrom int     // from how many e-mails on Resolve reads the whole list; zero is ExportFrom
	Log        *zap.Logger
	Observe    func(route Route, class string, took time.Duration) // may be nil
}

// Account is the client of one SendGrid account. It is safe for concurrent use.
type Account struct {
	opts    Options
	base    string
	http    *http.Client
	budgets *budgets
}

// New returns a client; it makes no request.
func New(o Options) (*Account, error) {
	if o.BaseURL == "" {
		o.BaseURL = "https://api.sendgrid.com"
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("base_url is no http or https address")
	}
	if o.Key == nil {
		return nil, errors.New("no API key is configured")
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.ClockScale < 1 {
		o.ClockScale = 1
	}
	if o.ExportFrom == 0 {
		o.ExportFrom = ExportFrom
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport()
	}
	return &Account{
		opts: o, base: strings.TrimRight(o.BaseURL, "/"), budgets: newBudgets(o.ClockScale),
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// unheard is after how long without a sign of the other side the kernel gives a connection up.
const unheard = 20 * time.Second

// newTransport is the way to SendGrid. A request's deadline is its context's: a large upsert may take half
// a minute to answer. What the kernel has not sent by then must never arrive (H1), though the network heals much later: a
// connection that is closed forgets it, and each request has one of its own, as HTTP/1.1 does: on a shared one of HTTP/2 a request
// that was given up would stay between the others.
func newTransport() *http.Transport {
	dialer := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: boundUnheard(unheard)}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok {
			if err = tcp.SetLinger(0); err != nil {
				_ = conn.Close() // it was never used
				return nil, err
			}
		}
		return conn, err
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dial,
		MaxIdleConns: 64, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, ExpectContinueTimeout: time.Second,
	}
}

// call is one request.
type call struct {
	route  Route
	method string
	path   string
	query  url.Values
	body   []byte
	into   any // decoded from a 2xx answer; nil where it is not looked at
}

// do waits for the route's budget, makes the request, and classifies the answer.
func (a *Account) do(ctx context.Context, c call) error {
	if err := a.budgets.wait(ctx, c.route); err != nil {
		return &Error{Class: OverBudget, Route: c.route, Message: "the deadline passed while the request waited for its rate budget", cause: err}
	}
	defer a.budgets.done(c.route)
	began := time.Now()
	err := a.attempt(ctx, c)
	a.observe(c.route, err, began)
	return err
}

func (a *Account) observe(route Route, err error, began time.Time) {
	if a.opts.Observe != nil {
		a.opts.Observe(route, classLabel(err), time.Since(began))
	}
}

func (a *Account) attempt(ctx context.Context, c call) error {
	var wrote atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { wrote.Store(true) }, // from here on SendGrid may have the request
	})
	req, err := a.request(ctx, c)
	if err != nil {
		return &Error{Class: NoConnection, Route: c.route, Message: err.Error()}
	}
	res, err := a.http.Do(req)
	if err != nil {
		return &Error{Class: transportClass(wrote.Load()), Route: c.route, Message: transportMessage(err, wrote.Load()), cause: err}
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
		_ = res.Body.Close()
	}()
	a.budgets.learn(c.route, res.Header, res.StatusCode, time.Now())
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return accept(c, res, body, err)
	}
	if res.StatusCode == http.StatusUnauthorized && a.opts.Forget != nil {
		a.opts.Forget()
	}
	return classify(c, res, body)
}

// accept reads a 2xx answer. One that is cut short or of another shape is no answer: what was asked may
// have been done.
func accept(c call, res *http.Response, body []byte, err error) error {
	if err != nil {
		return &Error{Class: Ambiguous, Status: res.StatusCode, Route: c.route, Message: "the answer was cut short", cause: err}
	}
	if c.into == nil {
		return nil
	}
	if err := json.Unmarshal(body, c.into); err != nil {
		return malformed(c.route, "the answer is not of SendGrid's shape: is there a gateway before it?")
	}
	return nil
}

// malformed is a 2xx that is not SendGrid's.
func malformed(route Route, message string) *Error {
	return &Error{Class: Malformed, Status: http.StatusOK, Route: route, Message: message}
}

func (a *Account) request(ctx context.Context, c call) (*http.Request, error) {
	key, err := a.opts.Key()
	if err != nil {
		return nil, fmt.Errorf("read the API key: %w", err)
	}
	target := a.base + c.path
	if len(c.query) > 0 {
		target += "?" + c.query.Encode()
	}
	var body io.Reader
	if c.body != nil {
		body = bytes.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, target, body)
	if err != nil {
		return nil, errors.New("the request cannot be built: is base_url right?")
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Accept", "application/json")
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.opts.OnBehalfOf != "" {
		req.Header["on-behalf-of"] = []string{a.opts.OnBehalfOf} // its name has been seen taken in lower case alone
	}
	return req, nil
}
