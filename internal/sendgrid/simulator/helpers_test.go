package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bench is a simulator without limits in a bubble, where time is the test's.
type bench struct {
	*testing.T
	*Simulator
	list string
	key  string
	sub  string
}

// inBubble runs a test on a simulator whose clock is the bubble's.
func inBubble(t *testing.T, o Options, run func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Keys == nil {
			o.Keys = []string{"SG.test"}
		}
		b := &bench{T: t, Simulator: New(o), key: o.Keys[0]}
		b.list = b.AddList("", "Newsletter")
		run(b)
	})
}

type reply struct {
	status int
	header http.Header
	body   string
}

// field reads a value of the answer by its path, as a text; "" where there is none.
func (r reply) field(path ...string) string {
	var v any
	if json.Unmarshal([]byte(r.body), &v) != nil {
		return ""
	}
	for _, p := range path {
		switch in := v.(type) {
		case map[string]any:
			v = in[p]
		case []any:
			if len(in) == 0 {
				return ""
			}
			v = in[0].(map[string]any)[p]
		}
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func (b *bench) call(method, path, body string) reply {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, "http://sendgrid.test"+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	if b.key != "" {
		r.Header.Set("Authorization", "Bearer "+b.key)
	}
	if b.sub != "" {
		r.Header["on-behalf-of"] = []string{b.sub}
	}
	res, err := b.RoundTrip(r)
	if err != nil {
		return reply{body: err.Error()}
	}
	out, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(bytes.TrimSpace(out))}
}

// want calls and fails unless the status is the one that is wanted.
func (b *bench) want(status int, method, path, body string) reply {
	b.Helper()
	r := b.call(method, path, body)
	if r.status != status {
		b.Fatalf("%s %s: %d %s, want %d", method, path, r.status, r.body, status)
	}
	return r
}

const contactsPath = "/v3/marketing/contacts"

// put upserts contacts, given as JSON objects, on the test's list, and returns the job.
func (b *bench) put(contacts ...string) string {
	b.Helper()
	return b.want(202, "PUT", contactsPath, b.upsertBody(contacts...)).field("job_id")
}

func (b *bench) upsertBody(contacts ...string) string {
	return `{"list_ids":["` + b.list + `"],"contacts":[` + strings.Join(contacts, ",") + `]}`
}

// applied lets the writes be applied.
func (b *bench) applied() { time.Sleep(30 * time.Second) }

func (b *bench) contact(email string) Contact {
	b.Helper()
	var out Contact
	b.Contacts("", func(c Contact) {
		if c.Email == email {
			out = c
		}
	})
	return out
}

func (b *bench) equal(what string, got, want any) {
	b.Helper()
	if g, w := text(got), text(want); g != w {
		b.Errorf("%s is %s, want %s", what, g, w)
	}
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	out, _ := json.Marshal(v)
	return string(out)
}
