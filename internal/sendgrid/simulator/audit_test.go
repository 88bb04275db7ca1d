package simulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestInspectionIsForThisMachine(t *testing.T) {
	for _, c := range []struct {
		inspect bool
		from    string
		status  int
	}{{false, "127.0.0.1:5", 200}, {false, "[::1]:5", 200}, {false, "10.0.0.7:5", 403}, {true, "10.0.0.7:5", 200}} {
		s := New(Options{Inspect: c.inspect})
		r := httptest.NewRequest(http.MethodGet, "/simulator/v1/state", nil)
		r.RemoteAddr = c.from
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("from %s with inspect %v: %d, want %d", c.from, c.inspect, w.Code, c.status)
		}
	}
}

func TestInspectionShowsTheTruth(t *testing.T) {
	inBubble(t, Options{Subusers: []string{"north"}}, func(b *bench) {
		b.put(`{"email":"a@example.com"}`)
		b.applied()
		for path, want := range map[string]string{
			"state": `"contacts":1`, "contacts?list=" + b.list: `"email":"a@example.com"`, "history?list=" + b.list: `"added":true`,
			"requests": `"route":"PUT contacts","status":202,"contacts":1`, "jobs": `"kind":"upsert_contacts"`,
			"faults": `{"faults":[],"revoked":false,"blocked":false}`, "state?subuser=north": `"contacts":0`,
		} {
			if r := b.want(200, "GET", "/simulator/v1/"+path, ""); !strings.Contains(r.body, want) {
				b.Errorf("%s shows %s, want %s", path, r.body, want)
			}
		}
		b.want(400, "POST", "/simulator/v1/faults", `{"faults":[{"kind":"other"}]}`)
		b.want(204, "POST", "/simulator/v1/faults", `{"faults":[{"kind":"status"}],"revoked":true}`)
		b.want(401, "GET", "/v3/scopes", "")
	})
}

// Over a socket a lost answer is a connection that ends.
func TestLostAnswersEndTheConnection(t *testing.T) {
	s := New(Options{})
	if err := s.SetFaults([]Fault{{Kind: "lose", Count: 1}}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	client := server.Client()
	post := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v3/marketing/lists", strings.NewReader(`{"name":"n"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer SG.simulator")
		return client.Do(r)
	}
	if res, err := post(); err == nil {
		res.Body.Close()
		t.Errorf("answer %d, want none", res.StatusCode)
	}
	if n := len(s.Summary().Lists); n != 1 {
		t.Errorf("%d lists were made, want 1", n)
	}
	res, err := post()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	client.CloseIdleConnections()
}
