package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"
)

// account asks the simulator what SendGrid would be asked by hand: it shares no code with Rollcall's client.
type account struct {
	t    *testing.T
	base string
}

// call sends one request and decodes a 2xx answer into out; it returns the status.
func (a account) call(method, path string, body, out any) int {
	a.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, bytes.NewReader(encoded))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+simulatorKey)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if answer.StatusCode/100 == 2 && out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			a.t.Fatalf("%s %s answered %s: %v", method, path, raw, err)
		}
	}
	return answer.StatusCode
}

// makeList makes a list and gives its id.
func (a account) makeList(name string) string {
	a.t.Helper()
	var made struct{ ID string }
	if status := a.call(http.MethodPost, "/v3/marketing/lists", map[string]string{"name": name}, &made); status/100 != 2 || made.ID == "" {
		a.t.Fatalf("make a list: status %d", status)
	}
	return made.ID
}

// contact is what the tests look at.
type contact struct {
	FirstName string   `json:"first_name"`
	Country   string   `json:"country"`
	ListIDs   []string `json:"list_ids"`
}

// awaitOnList waits until the contact with the e-mail is, or is not, on the list, and returns it as it is then.
func (a account) awaitOnList(email, list string, want bool) contact {
	a.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		var found struct {
			Result map[string]struct{ Contact contact }
		}
		status := a.call(http.MethodPost, "/v3/marketing/contacts/search/emails", map[string][]string{"emails": {email}}, &found)
		got := found.Result[email].Contact
		if (status == http.StatusOK && slices.Contains(got.ListIDs, list)) == want {
			return got
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("after 90 s the contact is on the list: %v (status %d), want %v", !want, status, want)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
