package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sendgrid/rest"
	sdk "github.com/sendgrid/sendgrid-go"

	"rollcall/internal/sendgrid/simulator"
)

// official makes requests as SendGrid's own Go library does.
type official struct {
	*testing.T
	over rest.Client
	host string
}

func (o *official) ask(method rest.Method, path string, query map[string]string, body string, want int) map[string]any {
	o.Helper()
	r := sdk.GetRequest("SG.simulator", path, o.host)
	r.Method, r.QueryParams, r.Body = method, query, []byte(body)
	res, err := o.over.SendWithContext(context.Background(), r)
	if err != nil {
		o.Fatal(err)
	}
	if res.StatusCode != want {
		o.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, res.Body, want)
	}
	var answer map[string]any
	if res.Body != "" {
		if err := json.Unmarshal([]byte(res.Body), &answer); err != nil {
			o.Fatalf("%s %s: %s: %v", method, path, res.Body, err)
		}
	}
	return answer
}

// operations are the basic ones: a list, a field, a contact on it, found, exported, off it, deleted.
func (o *official) operations(wait func(time.Duration)) {
	list := o.ask(rest.Post, mc+"/lists", nil, `{"name":"Newsletter"}`, 201)["id"].(string)
	field := o.ask(rest.Post, mc+"/field_definitions", nil, `{"name":"tier","field_type":"Text"}`, 200)["id"].(string)
	wait(5 * time.Second)
	job := o.ask(rest.Put, mc+"/contacts", nil, `{"list_ids":["`+list+`"],"contacts":[{"email":"Ada@example.com","custom_fields":{"`+field+`":"gold"}}]}`, 202)["job_id"].(string)
	wait(35 * time.Second)
	if n := o.ask(rest.Get, mc+"/contacts/imports/"+job, nil, "", 200)["results"].(map[string]any)["created_count"]; n != 1.0 {
		o.Errorf("the job made %v contacts", n)
	}
	found := o.ask(rest.Post, mc+"/contacts/search/emails", nil, `{"emails":["ada@example.com"]}`, 200)
	id := idOf(found)
	contact := o.ask(rest.Get, mc+"/contacts/"+id, nil, "", 200)
	if contact["custom_fields"].(map[string]any)["tier"] != "gold" {
		o.Errorf("contact %v", contact)
	}
	if n := o.ask(rest.Get, mc+"/lists/"+list, nil, "", 200)["contact_count"]; n != 1.0 {
		o.Errorf("the list has %v contacts", n)
	}
	o.ask(rest.Delete, mc+"/lists/"+list+"/contacts", map[string]string{"contact_ids": id}, "", 202)
	wait(35 * time.Second)
	if n := o.ask(rest.Get, mc+"/lists/"+list+"/contacts/count", nil, "", 200)["contact_count"]; n != 0.0 {
		o.Errorf("the list has %v contacts after the removal", n)
	}
	o.ask(rest.Delete, mc+"/contacts", map[string]string{"ids": id}, "", 202)
	wait(35 * time.Second)
	o.ask(rest.Get, mc+"/contacts/"+id, nil, "", 404)
	o.ask(rest.Delete, mc+"/lists/"+list, nil, "", 204)
}

// SendGrid's own Go library does the basic operations against the simulator.
func TestSendGridsOwnLibrary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		o := &official{t, rest.Client{HTTPClient: &http.Client{Transport: newJudge(t, sim, true)}}, "https://api.sendgrid.com"}
		o.operations(time.Sleep)
		o.over.HTTPClient.Transport.(*judge).check(t, false)
	})
}

// The same over a socket, on a clock that the test moves.
func TestSendGridsOwnLibraryOverASocket(t *testing.T) {
	now := time.Now()
	sim := simulator.New(simulator.Options{Now: func() time.Time { return now }})
	server := httptest.NewServer(sim)
	defer server.Close()
	o := &official{t, rest.Client{HTTPClient: server.Client()}, server.URL}
	o.operations(func(d time.Duration) { now = now.Add(d) })
}
