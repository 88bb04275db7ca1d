package conformance

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// visitor asks the simulator by hand.
type visitor struct {
	*testing.T
	over http.RoundTripper
	key  string
}

func (v *visitor) ask(method, path, body string) (status int, answer map[string]any) {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), method, "https://api.sendgrid.com"+path, strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+v.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := v.over.RoundTrip(r)
	if err != nil {
		v.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.Fatal(err)
	}
	_ = json.Unmarshal(b, &answer)
	return res.StatusCode, answer
}

// step is one request of the tour. NAME stands for an id that an earlier answer gave.
type step struct {
	method, path, body string
	status             int
	keep               string // the answer's id, or job_id, under this name
	wait               time.Duration
}

const mc = "/v3/marketing"

var tour = []step{
	{"POST", mc + "/lists", `{"name":"One"}`, 201, "LIST", 0},
	{"POST", mc + "/lists", `{"name":"Two"}`, 201, "OTHER", 0},
	{"POST", mc + "/lists", `{"name":""}`, 400, "", 0},
	{"GET", mc + "/field_definitions", "", 200, "", 0},
	{"POST", mc + "/field_definitions", `{"name":"tier","field_type":"Text"}`, 200, "FIELD", 5 * time.Second},
	{"POST", mc + "/field_definitions", `{"name":"email","field_type":"Text"}`, 400, "", 0},
	{"GET", mc + "/field_definitions", "", 200, "", 0},
	{"PATCH", mc + "/field_definitions/FIELD", `{"name":"level"}`, 200, "", 0},
	{"PATCH", mc + "/field_definitions/e99_T", `{"name":"x"}`, 404, "", 0},
	{"PATCH", mc + "/field_definitions/FIELD", `{"name":"a b"}`, 400, "", 0},
	{"PUT", mc + "/contacts", `{"list_ids":["LIST"],"contacts":[{"email":"a@example.com","external_id":"7","custom_fields":{"FIELD":"gold"}},
		{"email":"b@example.com","alternate_emails":["c@example.com"],"phone_number":"000"}]}`, 202, "JOB", 0},
	{"GET", mc + "/contacts/imports/JOB", "", 200, "", 35 * time.Second},
	{"GET", mc + "/contacts/imports/JOB", "", 200, "", 5 * time.Minute},
	{"GET", mc + "/contacts/imports/JOB", "", 200, "", 0},
	{"GET", mc + "/contacts/imports/none", "", 404, "", 0},
	{"PUT", mc + "/contacts", `{"contacts":[{"email":"nobody"}]}`, 400, "", 0},
	{"PUT", mc + "/contacts", `{"contacts":7}`, 400, "", 0},
	{"PUT", mc + "/contacts", `{"list_ids":["none"],"contacts":[{"email":"a@example.com"}]}`, 404, "", 0},
	{"GET", mc + "/contacts", "", 200, "", 0},
	{"GET", mc + "/contacts/count", "", 200, "", 0},
	{"POST", mc + "/contacts/search/emails", `{"emails":["a@example.com","z@example.com"]}`, 200, "CONTACT", 0},
	{"POST", mc + "/contacts/search/emails", `{"emails":["z@example.com"]}`, 404, "", 0},
	{"POST", mc + "/contacts/search/emails", `{"emails":["nobody"]}`, 400, "", 0},
	{"POST", mc + "/contacts/search/identifiers/external_id", `{"identifiers":["7","8"]}`, 200, "", 0},
	{"POST", mc + "/contacts/search/identifiers/external_id", `{"identifiers":["8"]}`, 404, "", 0},
	{"POST", mc + "/contacts/search/identifiers/email", `{"identifiers":[]}`, 400, "", 0},
	{"GET", mc + "/contacts/CONTACT", "", 200, "", 0},
	{"GET", mc + "/contacts/none", "", 404, "", 0},
	{"POST", mc + "/contacts/batch", `{"ids":["CONTACT","none"]}`, 200, "", 0},
	{"POST", mc + "/contacts/exports", `{"list_ids":["LIST"],"file_type":"json"}`, 202, "EXPORT", 0},
	{"POST", mc + "/contacts/exports", `{"file_type":"xml"}`, 400, "", 0},
	{"GET", mc + "/contacts/exports/EXPORT", "", 200, "", 30 * time.Second},
	{"GET", mc + "/contacts/exports/EXPORT", "", 200, "", 0},
	{"GET", mc + "/contacts/exports", "", 200, "", 0},
	{"GET", mc + "/contacts/exports/none", "", 404, "", 0},
	{"GET", mc + "/lists?page_size=1", "", 200, "", 0},
	{"GET", mc + "/lists/LIST", "", 200, "", 0},
	{"GET", mc + "/lists/none", "", 404, "", 0},
	{"GET", mc + "/lists/LIST/contacts/count", "", 200, "", 0},
	{"GET", mc + "/lists/none/contacts/count", "", 404, "", 0},
	{"PATCH", mc + "/lists/LIST", `{"name":"First"}`, 200, "", 0},
	{"PATCH", mc + "/lists/LIST", `{"name":""}`, 400, "", 0},
	{"PATCH", mc + "/lists/none", `{"name":"x"}`, 404, "", 0},
	{"DELETE", mc + "/lists/LIST/contacts?contact_ids=CONTACT", "", 202, "", 0},
	{"DELETE", mc + "/lists/LIST/contacts?contact_ids=none", "", 404, "", 0},
	{"DELETE", mc + "/lists/LIST/contacts", "", 400, "", 0},
	{"DELETE", mc + "/contacts/CONTACT/identifiers", `{"identifier_type":"EXTERNALID","identifier_value":"7"}`, 202, "", 0},
	{"DELETE", mc + "/contacts/CONTACT/identifiers", `{"identifier_type":"OTHER","identifier_value":"7"}`, 400, "", 0},
	{"DELETE", mc + "/contacts/none/identifiers", `{"identifier_type":"EMAIL","identifier_value":"x@example.com"}`, 404, "", 0},
	{"DELETE", mc + "/contacts?ids=CONTACT", "", 202, "", 0},
	{"DELETE", mc + "/contacts", "", 400, "", 0},
	{"DELETE", mc + "/lists/OTHER", "", 204, "", 0},
	{"DELETE", mc + "/lists/LIST?delete_contacts=true", "", 200, "", 0},
	{"DELETE", mc + "/lists/LIST", "", 404, "", 0},
	{"DELETE", mc + "/field_definitions/FIELD", "", 204, "", 0},
	{"DELETE", mc + "/field_definitions/FIELD", "", 404, "", 0},
	{"GET", "/v3/scopes", "", 200, "", 0},
	{"POST", "/v3/asm/suppressions/global", `{"recipient_emails":["a@example.com"]}`, 201, "", 0},
	{"GET", "/v3/asm/suppressions/global/a@example.com", "", 200, "", 0},
	{"DELETE", "/v3/asm/suppressions/global/a@example.com", "", 204, "", 0},
	{"GET", "/v3/asm/suppressions/global/a@example.com", "", 200, "", 0},
	{"POST", "/v3/recipients/erasejob", `{"email_addresses":["a@example.com"]}`, 202, "", 0},
	{"POST", "/v3/recipients/erasejob", `{"email_addresses":["nobody"]}`, 400, "", 0},
}

// walk makes the requests of the tour.
func (v *visitor) walk() {
	ids := map[string]string{}
	for _, s := range tour {
		path, body := s.path, s.body
		for name, id := range ids {
			path, body = strings.ReplaceAll(path, name, id), strings.ReplaceAll(body, name, id)
		}
		status, answer := v.ask(s.method, path, body)
		if status != s.status {
			v.Errorf("%s %s: %d, want %d: %v", s.method, s.path, status, s.status, answer)
		}
		if s.keep != "" {
			ids[s.keep] = idOf(answer)
		}
		time.Sleep(s.wait)
	}
}

// idOf is the id that an answer is about.
func idOf(answer map[string]any) string {
	for _, key := range []string{"id", "job_id"} {
		if id, ok := answer[key].(string); ok {
			return id
		}
	}
	if result, ok := answer["result"].(map[string]any); ok {
		for _, one := range result {
			if c, ok := one.(map[string]any)["contact"].(map[string]any); ok {
				return c["id"].(string)
			}
		}
	}
	return ""
}

// Every answer of the simulator, good and bad, is one that SendGrid's documents allow.
func TestEveryAnswerOfTheSimulatorIsInTheDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{Keys: []string{"SG.x", "SG.mail"}, Restricted: []string{"SG.mail"}, Subusers: []string{"north"}})
		j := newJudge(t, sim, false)
		v := &visitor{t, j, "SG.x"}
		v.walk()
		v.ask("PUT", mc+"/contacts", `{"contacts":[{"email":"`+strings.Repeat("x", 5<<20)+`"}]}`)
		v.ask("DELETE", mc+"/lists/x/contacts?contact_ids="+strings.Repeat("x", 9000), "")
		for _, way := range []struct {
			plan simulator.Plan
			key  string
		}{
			{simulator.Plan{}, "SG.other"},
			{simulator.Plan{}, "SG.mail"},
			{simulator.Plan{Blocked: true}, "SG.x"},
			{simulator.Plan{Faults: []simulator.Fault{{Kind: "status"}}}, "SG.x"},
			{simulator.Plan{Faults: []simulator.Fault{{Kind: "status", Status: 429}}}, "SG.x"},
		} {
			if err := sim.SetPlan(way.plan); err != nil {
				t.Fatal(err)
			}
			v.key = way.key
			for _, s := range tour {
				v.ask(s.method, s.path, s.body)
			}
		}
		j.check(t, true)
		for pattern := range j.spec.routes {
			good := 0
			for _, status := range []string{" 200", " 201", " 202", " 204"} {
				good += j.seen[pattern+status]
			}
			if served(pattern) && good == 0 {
				t.Errorf("the tour has no good answer of %s", pattern)
			}
		}
	})
}

// served reports whether the simulator is said to serve a route of the documents.
func served(pattern string) bool {
	_, path, _ := strings.Cut(pattern, " ")
	switch pattern {
	case "PUT /v3/marketing/contacts/imports", "POST /v3/marketing/contacts/search": // CSV files and queries are not
		return false
	}
	return strings.HasPrefix(path, "/v3/marketing/") || path == "/v3/scopes" || path == "/v3/recipients/erasejob" ||
		strings.HasPrefix(path, "/v3/asm/suppressions/global")
}
