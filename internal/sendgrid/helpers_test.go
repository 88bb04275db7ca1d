package sendgrid_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

const key = "SG.a-key-that-no-error-may-name"

// stage is a client on a simulator in a bubble, where time is the test's.
type stage struct {
	*testing.T
	*sendgrid.Account
	sim  *simulator.Simulator
	list string
}

func onStage(t *testing.T, o simulator.Options, run func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		today()
		o.Keys = []string{key}
		sim := simulator.New(o)
		run(&stage{T: t, Account: client(t, sendgrid.Options{Transport: sim}), sim: sim, list: sim.AddList("", "Newsletter")})
	})
}

// today leaves the year 2000, in which bubbles begin, and in which a time in seconds is below 10^9.
func today() { time.Sleep(time.Until(time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC))) }

func client(t testing.TB, o sendgrid.Options) *sendgrid.Account {
	t.Helper()
	if o.BaseURL == "" {
		o.BaseURL = "http://sendgrid.test"
	}
	if o.Key == nil {
		o.Key = func() (string, error) { return key, nil }
	}
	a, err := sendgrid.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// upsert puts e-mails on the list and returns the job.
func (s *stage) upsert(emails ...string) string {
	s.Helper()
	b := sendgrid.NewBatch([]string{s.list}, 30000, 3_500_000)
	defer b.Release()
	for _, e := range emails {
		if !b.Add([]byte(`{"email":"` + e + `"}`)) {
			s.Fatalf("%s does not fit", e)
		}
	}
	job, err := s.Upsert(s.Context(), b.Bytes())
	if err != nil {
		s.Fatal(err)
	}
	return job
}

// listed upserts and waits until the contacts are on the list.
func (s *stage) listed(emails ...string) {
	s.Helper()
	s.upsert(emails...)
	time.Sleep(30 * time.Second)
}

func addresses(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("p%d@example.com", i)
	}
	return out
}

// failure is the typed error of a call that has to fail.
func failure(t testing.TB, err error) *sendgrid.Error {
	t.Helper()
	var e *sendgrid.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *sendgrid.Error", err)
	}
	for _, secret := range []string{key, "ada@example.com", "ada%40example.com"} {
		if strings.Contains(fmt.Sprintf("%v %+v", e, *e), secret) && !slices.ContainsFunc(e.Invalid, func(i sendgrid.Invalid) bool {
			return strings.Contains(i.Email+i.Message, secret)
		}) {
			t.Errorf("the error names %s", secret) // I12
		}
		if strings.Contains(e.Error(), secret) {
			t.Errorf("the error's text names %s", secret) // I12
		}
	}
	return e
}

// canned answers every request with the same, and keeps the requests.
type canned struct {
	status  int
	header  map[string]string
	body    string
	err     error // instead of an answer
	unsent  bool  // err came before anything was written
	seen    []*http.Request
	sent    []string
	perform func(*http.Request) // during the request
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	c.seen = append(c.seen, r)
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil && !c.unsent {
		trace.WroteHeaders()
	}
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	}
	c.sent = append(c.sent, body)
	if c.perform != nil {
		c.perform(r)
	}
	if c.err != nil {
		return nil, c.err
	}
	h := http.Header{}
	for k, v := range c.header {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: c.status, Header: h, Body: io.NopCloser(strings.NewReader(c.body)), Request: r}, nil
}

// answered makes one upsert against a canned answer and returns its error.
func answered(t testing.TB, c *canned) *sendgrid.Error {
	t.Helper()
	_, err := client(t, sendgrid.Options{Transport: c}).Upsert(context.Background(), []byte(`{}`))
	return failure(t, err)
}
