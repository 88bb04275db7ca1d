package sendgrid_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// One table over every status: what it means, and whether the request certainly changed nothing.
func TestRule25_EveryStatusHasOneMeaning(t *testing.T) {
	special := map[int]sendgrid.Class{
		401: sendgrid.Unauthorized, 403: sendgrid.Forbidden, 404: sendgrid.NotFound, 408: sendgrid.TimedOut,
		413: sendgrid.TooLarge, 414: sendgrid.TooLarge, 429: sendgrid.RateLimited,
	}
	for status := 200; status < 600; status++ {
		if status/100 == 2 {
			continue // no error
		}
		e := answered(t, &canned{status: status, body: `{"errors":[{"message":"no"}]}`})
		want, ok := special[status]
		switch {
		case ok:
		case status < 400:
			want = sendgrid.Malformed
		case status < 500:
			want = sendgrid.BadRequest
		default:
			want = sendgrid.Unavailable
		}
		if e.Class != want || e.Status != status {
			t.Errorf("status %d is class %d, want %d", status, e.Class, want)
		}
		if noEffect := status >= 400 && status < 500 && status != 408; e.NoEffect() != noEffect {
			t.Errorf("status %d has no effect: %v, want %v", status, e.NoEffect(), noEffect)
		}
	}
}

// Without an answer it matters whether anything was written: only then it may have been done.
func TestRule25_WithoutAnAnswerTheRequestIsInDoubtOnceWritten(t *testing.T) {
	for name, c := range map[string]struct {
		transport canned
		class     sendgrid.Class
		message   string
	}{
		"no connection":   {canned{unsent: true, err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}, sendgrid.NoConnection, "dial: connection refused"},
		"no name":         {canned{unsent: true, err: &net.DNSError{Name: "sendgrid.test"}}, sendgrid.NoConnection, "its name is not resolved"},
		"reset":           {canned{err: &net.OpError{Op: "read", Err: errors.New("connection reset")}}, sendgrid.Ambiguous, "no answer came"},
		"deadline":        {canned{err: context.DeadlineExceeded}, sendgrid.Ambiguous, "the deadline passed"},
		"given up before": {canned{unsent: true, err: context.Canceled}, sendgrid.NoConnection, "given up"},
		"202 cut short":   {canned{status: 202, body: `{"job_id":"`}, sendgrid.Malformed, "not of SendGrid's shape"},
		"202 of another":  {canned{status: 202, body: `<html>`}, sendgrid.Malformed, "not of SendGrid's shape"},
		"202 without job": {canned{status: 202, body: `{}`}, sendgrid.Malformed, "names no job"},
	} {
		t.Run(name, func(t *testing.T) {
			e := answered(t, &c.transport)
			if e.Class != c.class || !strings.Contains(e.Message, c.message) {
				t.Errorf("class %d %q, want %d %q", e.Class, e.Message, c.class, c.message)
			}
			if e.NoEffect() != (c.class == sendgrid.NoConnection) {
				t.Errorf("no effect is %v", e.NoEffect())
			}
		})
	}
}

// The same over a real socket: the answer to a request that was done is lost on its way.
func TestRule25_ALostAnswerIsInDoubt(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	a := client(t, sendgrid.Options{BaseURL: server.URL, Transport: transport})
	_, err := a.Upsert(t.Context(), []byte(`{}`))
	if e := failure(t, err); e.Class != sendgrid.Ambiguous || e.NoEffect() {
		t.Errorf("class %d, no effect %v", e.Class, e.NoEffect())
	}
	server.Close()
	_, err = a.Upsert(t.Context(), []byte(`{}`))
	if e := failure(t, err); e.Class != sendgrid.NoConnection || !e.NoEffect() {
		t.Errorf("refused connection: class %d, no effect %v", e.Class, e.NoEffect())
	}
}

// A slow answer past the deadline leaves the request in doubt: here it was done.
func TestRule25_APassedDeadlineIsInDoubt(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		if err := s.sim.SetFaults([]simulator.Fault{{Kind: "slow", Delay: 90}}); err != nil {
			s.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		_, err := s.Upsert(ctx, []byte(`{"contacts":[{"email":"ada@example.com"}]}`))
		if e := failure(s, err); e.Class != sendgrid.Ambiguous || !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("class %d, %v", e.Class, err)
		}
		time.Sleep(time.Minute)
		if n := s.sim.Summary().Contacts; n != 1 {
			s.Errorf("%d contacts, want 1", n)
		}
	})
}

// 401, 403 and an unknown list say nothing of contacts, and the key is read again after a 401.
func TestRule26_KeyAndListTroublesAreTold(t *testing.T) {
	forgot := 0
	onStage(t, simulator.Options{Restricted: []string{"SG.mail"}}, func(s *stage) {
		now := "SG.old"
		s.Account = client(s.T, sendgrid.Options{
			Transport: s.sim, Key: func() (string, error) { return now, nil }, Forget: func() { forgot++; now = key },
		})
		_, err := s.List(s.Context(), s.list)
		if e := failure(s, err); e.Class != sendgrid.Unauthorized || !e.NoEffect() || forgot != 1 {
			s.Errorf("class %d, forgot %d times", e.Class, forgot)
		}
		if _, err = s.List(s.Context(), s.list); err != nil {
			s.Errorf("with the new key: %v", err)
		}
		_, err = s.List(s.Context(), "other")
		if e := failure(s, err); e.Class != sendgrid.NotFound {
			s.Errorf("unknown list: class %d", e.Class)
		}
		_, err = s.Upsert(s.Context(), []byte(`{"list_ids":["other"],"contacts":[{"email":"ada@example.com"}]}`))
		if e := failure(s, err); e.Class != sendgrid.NotFound || !e.NoEffect() {
			s.Errorf("upsert for an unknown list: class %d", e.Class)
		}
	})
	e := answered(t, &canned{status: 403, body: `{"errors":[{"field":null,"message":"access forbidden"}]}`})
	if e.Class != sendgrid.Forbidden || e.Message != "access forbidden" {
		t.Errorf("class %d %q", e.Class, e.Message)
	}
}

// Errors come in every shape; the text tells SendGrid's words and no address.
func TestRule27_ErrorBodiesOfEveryShape(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		class   sendgrid.Class
		message string
	}{
		{400, `{"errors":[{"field":"x","message":"one"},{"message":"two"}]}`, sendgrid.BadRequest, "one; two"},
		{400, `{"errors":{"message":"single"}}`, sendgrid.BadRequest, "single"},
		{400, `{"message":"bare","field":"contact_ids"}`, sendgrid.BadRequest, "bare"},
		{404, `[{"message":"a bare array"}]`, sendgrid.NotFound, "a bare array"},
		{400, ``, sendgrid.BadRequest, "an answer without a body"},
		{400, `<html>Bad Request</html>`, sendgrid.Malformed, "not of SendGrid's shape"},
		{404, ``, sendgrid.Malformed, "an answer without a body"},
		{404, `<html>404</html>`, sendgrid.Malformed, "not of SendGrid's shape"},
		{401, ``, sendgrid.Unauthorized, "an answer without a body"},
		{401, `<html>login</html>`, sendgrid.Malformed, "not of SendGrid's shape"},
		{502, `<html>Bad Gateway</html>`, sendgrid.Unavailable, "not of SendGrid's shape"},
		{400, `{"errors":[{"message":"a"},{"message":"b"},{"message":"c"},{"message":"d"},{"message":"e"}]}`, sendgrid.BadRequest, "a; b; c; and 2 more"},
		{400, `{"errors":[{"message":"Email_address ada@example.com is not valid"}]}`, sendgrid.BadRequest, "Email_address … is not valid"},
		{400, `{"errors":[null,{}]}`, sendgrid.Malformed, "not of SendGrid's shape"},
	} {
		e := answered(t, &canned{status: c.status, body: c.body, header: map[string]string{"x-amzn-requestid": "r-1"}})
		if e.Class != c.class || !strings.Contains(e.Message, c.message) || e.RequestID != "r-1" || !strings.Contains(e.Error(), "r-1") {
			t.Errorf("%d %s: class %d %q", c.status, c.body, e.Class, e.Message)
		}
	}
}

// A 400 names contacts in either field path; the address in the message comes first, the index second.
func TestRule08_NamedContactsAreRead(t *testing.T) {
	e := answered(t, &canned{status: 400, body: `{"errors":[
		{"field":"contacts[3].email","message":"email 'Ada@Example.com' is not valid"},
		{"field":"contacts[7].identifier","message":"email 'o'hara' is not valid"},
		{"field":"contacts[9].identifier","message":"at least one identifier is required"},
		{"field":"","message":"email 'x y' is not valid"}]}`})
	want := []sendgrid.Invalid{
		{Index: 3, Email: "ada@example.com", Message: "email '…' is not valid"},
		{Index: 7, Email: "o'hara", Message: "email '…' is not valid"},
		{Index: 9, Message: "at least one identifier is required"},
		{Index: -1, Email: "x y", Message: "email '…' is not valid"},
	}
	if e.Class != sendgrid.BadContacts || !slices.Equal(e.Invalid, want) {
		t.Errorf("class %d %+v", e.Class, e.Invalid)
	}
	if strings.Contains(e.Error(), "o'hara") || strings.Contains(e.Error(), "x y") {
		t.Errorf("the text %q names somebody", e.Error()) // I12
	}
}

// Story 26: the global host and the EU one are configuration.
func TestRule29_BaseURLAndSubuserAreConfiguration(t *testing.T) {
	for _, bad := range []string{"sendgrid.com", "ftp://sendgrid.com", "://"} {
		if _, err := sendgrid.New(sendgrid.Options{BaseURL: bad, Key: func() (string, error) { return key, nil }}); err == nil {
			t.Errorf("base URL %q is taken", bad)
		}
	}
	for base, want := range map[string]string{
		"https://api.eu.sendgrid.com/": "https://api.eu.sendgrid.com/v3/scopes", "http://127.0.0.1:8781": "http://127.0.0.1:8781/v3/scopes",
	} {
		c := &canned{status: 200, body: `{"scopes":[]}`}
		if _, err := client(t, sendgrid.Options{BaseURL: base, OnBehalfOf: "north", Transport: c}).Scopes(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := c.seen[0]
		if r.URL.String() != want || r.Header.Get("Authorization") != "Bearer "+key {
			t.Errorf("requests %s", r.URL)
		}
		name := strings.ToLower("On-Behalf-Of") // as it is sent
		if got := r.Header[name]; !slices.Equal(got, []string{"north"}) {
			t.Errorf("on-behalf-of is %v", got)
		}
	}
	synctestSubuser(t)
}

func synctestSubuser(t *testing.T) {
	onStage(t, simulator.Options{Subusers: []string{"north"}}, func(s *stage) {
		list := s.sim.Subuser("north").AddList("", "North")
		if _, err := s.List(s.Context(), list); failure(s, err).Class != sendgrid.NotFound {
			s.Error("the account sees its subuser's list")
		}
		if _, err := client(s.T, sendgrid.Options{Transport: s.sim, OnBehalfOf: "north"}).List(s.Context(), list); err != nil {
			s.Error(err)
		}
	})
}

// The key goes to the base URL alone: a redirect is not followed.
func TestARedirectIsNotFollowedWithTheKey(t *testing.T) {
	c := &canned{status: 302, header: map[string]string{"Location": "http://elsewhere.test/"}}
	if e := answered(t, c); e.Class != sendgrid.Malformed || len(c.seen) != 1 {
		t.Errorf("class %d after %d requests", e.Class, len(c.seen))
	}
}

func TestAKeyThatCannotBeReadIsNoRequest(t *testing.T) {
	c := &canned{status: 200}
	a := client(t, sendgrid.Options{Transport: c, Key: func() (string, error) { return "", io.ErrUnexpectedEOF }})
	_, err := a.Scopes(t.Context())
	if e := failure(t, err); !e.NoEffect() || len(c.seen) != 0 {
		t.Errorf("%v after %d requests", e, len(c.seen))
	}
}

// What every request is counted as in metrics.
func TestObservationsAreOfClosedClasses(t *testing.T) {
	synctest.Test(t, observations) // a 429 makes the next one wait
}

func observations(t *testing.T) {
	var seen []string
	transport := &canned{}
	a := client(t, sendgrid.Options{Transport: transport, Observe: func(r sendgrid.Route, class string, _ time.Duration) {
		seen = append(seen, string(r)+" "+class)
	}})
	for _, status := range []int{200, 400, 401, 403, 404, 408, 413, 429, 503, 302} {
		transport.status, transport.body = status, `{"scopes":[]}`
		_, _ = a.Scopes(t.Context())
	}
	transport.err = io.EOF
	_, _ = a.Scopes(t.Context())
	_, _ = a.JobErrors(t.Context(), "http://files.test/x")
	want := "2xx 400 401 403 404 408 4xx 429 5xx none none"
	got := strings.ReplaceAll(strings.Join(seen[:11], " "), "GET scopes ", "")
	if got != want || seen[11] != "GET errors_url none" {
		t.Errorf("classes %s, then %s", got, seen[11])
	}
}
