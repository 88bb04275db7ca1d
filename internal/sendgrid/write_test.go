package sendgrid_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// 202 is a job, and nothing is done yet.
func TestRule01_AnUpsertIsAJob(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		job := s.upsert("ada@example.com")
		j, err := s.Job(s.Context(), job)
		if err != nil || j.Done() || j.Requested != 1 {
			s.Errorf("job %+v, %v", j, err)
		}
		if found, err := s.Lookup(s.Context(), []string{"ada@example.com"}); err != nil || len(found) != 0 {
			s.Errorf("found %v, %v before it was applied", found, err)
		}
	})
}

// Lists stand beside the contacts, once for all of them, and the keys are exactly these: SendGrid ignores
// others in silence.
func TestRule02_OneRequestCarriesOneSetOfLists(t *testing.T) {
	b := sendgrid.NewBatch([]string{"l1", "l2"}, 10, 1000)
	defer b.Release()
	b.Add([]byte(`{"email":"a@example.com"}`))
	b.Add([]byte(`{"email":"b@example.com","custom_fields":{"e1_T":"x"}}`))
	want := `{"list_ids":["l1","l2"],"contacts":[{"email":"a@example.com"},{"email":"b@example.com","custom_fields":{"e1_T":"x"}}]}`
	if got := string(b.Bytes()); got != want {
		t.Errorf("body %s, want %s", got, want)
	}
}

func TestRule04_TheRequestHasSendGridsKeysAlone(t *testing.T) {
	c := &canned{status: 202, body: `{"job_id":"j"}`}
	a := client(t, sendgrid.Options{Transport: c})
	b := sendgrid.NewBatch([]string{"l"}, 10, 1000)
	defer b.Release()
	b.Add([]byte(`{"email":"a@example.com"}`))
	if _, err := a.Upsert(t.Context(), b.Bytes()); err != nil {
		t.Fatal(err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(c.sent[0]), &keys); err != nil || len(keys) != 2 || keys["list_ids"] == nil || keys["contacts"] == nil {
		t.Errorf("body %s: %v", c.sent[0], err)
	}
	r := c.seen[0]
	if r.Method != http.MethodPut || r.URL.Path != "/v3/marketing/contacts" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s as %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
}

// A batch ends at its count, and at its measured bytes; one contact always fits.
func TestRule05_BatchesEndByCountAndByBytes(t *testing.T) {
	one := []byte(`{"email":"a@example.com"}`)
	for _, c := range []struct{ contacts, bytes, want int }{
		{3, 1000, 3},
		{100, len(`{"list_ids":["l"],"contacts":[]}`) + 4*len(one) + 3, 4},
		{100, len(`{"list_ids":["l"],"contacts":[]}`) + 4*len(one) + 2, 3},
		{100, 1, 1},
	} {
		b := sendgrid.NewBatch([]string{"l"}, c.contacts, c.bytes)
		for b.Add(one) {
		}
		if b.Len() != c.want {
			t.Errorf("%d contacts and %d bytes take %d, want %d", c.contacts, c.bytes, b.Len(), c.want)
		}
		if n := len(b.Bytes()); c.want > 1 && n > c.bytes {
			t.Errorf("the body has %d bytes, the limit is %d", n, c.bytes)
		}
		if !json.Valid(b.Bytes()) || b.Add(one) {
			t.Error("the body is no JSON, or takes more after its end")
		}
		b.Release()
		b.Release() // twice is harmless
	}
	for _, message := range []string{"request body too large", "payload larger than 4194304", "message exceeds the maximum size"} {
		if e := answered(t, &canned{status: 400, body: `{"errors":[{"message":"` + message + `"}]}`}); e.Class != sendgrid.TooLarge {
			t.Errorf("%q is class %d", message, e.Class)
		}
	}
	if e := answered(t, &canned{status: 413}); e.Class != sendgrid.TooLarge || !e.NoEffect() {
		t.Errorf("413 is class %d", e.Class)
	}
}

// One bad e-mail fails the whole batch: the answer names it, and nothing was queued.
func TestRule07_A400NamesWhoIsRefused(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		_, err := s.Upsert(s.Context(), []byte(`{"contacts":[{"email":"a@example.com"},{"email":"Nobody"},{"email":"x@y"}]}`))
		e := failure(s, err)
		if e.Class != sendgrid.BadContacts || !e.NoEffect() || len(e.Invalid) != 2 || e.Invalid[0].Email != "Nobody" || e.Invalid[1].Index != 2 {
			s.Errorf("class %d %+v", e.Class, e.Invalid)
		}
		if err := s.sim.SetFaults([]simulator.Fault{{Kind: "unnamed", Share: 1}}); err != nil {
			s.Fatal(err)
		}
		_, err = s.Upsert(s.Context(), []byte(`{"contacts":[{"email":"a@example.com"}]}`))
		if e := failure(s, err); e.Class != sendgrid.BadRequest || len(e.Invalid) != 0 || !e.NoEffect() {
			s.Errorf("naming nobody: class %d %+v", e.Class, e.Invalid)
		}
		if n := len(s.sim.Jobs()); n != 0 {
			s.Errorf("%d jobs were made", n)
		}
	})
}

// A refused field is nobody's contact's fault: it has a class of its own, with the ids.
func TestRule14_FieldsAreFoundByNameAndRefusedById(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		if fields, err := s.FieldDefinitions(s.Context()); err != nil || len(fields) != 0 {
			s.Errorf("fields %v, %v of an account that has none", fields, err)
		}
		id := s.sim.AddField("tier", "Text")
		s.sim.AddField("points", "Number")
		fields, err := s.FieldDefinitions(s.Context())
		if err != nil || len(fields) != 2 || fields[0] != (sendgrid.FieldDefinition{ID: id, Name: "tier", Type: "Text"}) || fields[1].Type != "Number" {
			s.Errorf("fields %v, %v", fields, err)
		}
		_, err = s.Upsert(s.Context(), []byte(`{"contacts":[{"email":"a@example.com","custom_fields":{"e8_T":"x","e9_T":"y"}}]}`))
		if e := failure(s, err); e.Class != sendgrid.BadFields || !e.NoEffect() || !slices.Equal(e.Fields, []string{"e8_T", "e9_T"}) {
			s.Errorf("class %d %v", e.Class, e.Fields)
		}
	})
	for name, body := range map[string]string{"a gateway's": `{}`, "HTML": `<html>`} {
		_, err := client(t, sendgrid.Options{Transport: &canned{status: 200, body: body}}).FieldDefinitions(t.Context())
		if e := failure(t, err); e.Class != sendgrid.Malformed {
			t.Errorf("%s answer is class %d", name, e.Class)
		}
	}
}

// Ids go in one query parameter, joined by commas, and nothing in the body.
func TestRule15_RemovalsNameIdsInOneParameter(t *testing.T) {
	c := &canned{status: 202, body: `{"job_id":"j"}`}
	a := client(t, sendgrid.Options{Transport: c})
	if _, err := a.RemoveFromList(t.Context(), "l/1", []string{"x", "y"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.DeleteContacts(t.Context(), []string{"x", "y"}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"http://sendgrid.test/v3/marketing/lists/l%2F1/contacts?contact_ids=x%2Cy", "http://sendgrid.test/v3/marketing/contacts?ids=x%2Cy",
	} {
		if got := c.seen[i].URL.String(); got != want || c.seen[i].Method != http.MethodDelete || c.sent[i] != "" {
			t.Errorf("%s %s with body %q, want %s", c.seen[i].Method, got, c.sent[i], want)
		}
	}
	onStage(t, simulator.Options{}, func(s *stage) {
		emails := addresses(sendgrid.MaxIDs)
		s.listed(emails...)
		found, err := s.Lookup(s.Context(), emails)
		if err != nil || len(found) != len(emails) {
			s.Fatalf("found %d, %v", len(found), err)
		}
		var ids []string
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		if _, err := s.RemoveFromList(s.Context(), s.list, ids); err != nil {
			s.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if sum := s.sim.Summary(); sum.Lists[s.list] != 0 || sum.Contacts != len(emails) {
			s.Errorf("%d on the list, %d contacts", sum.Lists[s.list], sum.Contacts)
		}
	})
}

// One stale id fails all of a removal, and certainly without effect, so that ids can be looked up again.
func TestRule20_AStaleIdFailsARemovalWithoutEffect(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		s.listed("a@example.com")
		found, err := s.Lookup(s.Context(), []string{"a@example.com"})
		if err != nil {
			s.Fatal(err)
		}
		_, err = s.RemoveFromList(s.Context(), s.list, []string{found["a@example.com"].ID, "stale"})
		if e := failure(s, err); e.Class != sendgrid.NotFound || !e.NoEffect() {
			s.Errorf("class %d, no effect %v", e.Class, e.NoEffect())
		}
		time.Sleep(time.Minute)
		if n := s.sim.Summary().Lists[s.list]; n != 1 {
			s.Errorf("%d on the list, want 1", n)
		}
	})
}

// The client knows no route that changes a suppression, and no way to delete every contact.
func TestRule21_NothingDeletesAtLargeOrTouchesSuppressions(t *testing.T) {
	for _, r := range sendgrid.Routes {
		if strings.Contains(string(r), "suppressions") && !strings.HasPrefix(string(r), "GET ") {
			t.Errorf("route %s changes suppressions", r)
		}
	}
	c := &canned{status: 400, body: `{"message":"x"}`}
	_, _ = client(t, sendgrid.Options{Transport: c}).DeleteContacts(t.Context(), nil)
	for _, r := range c.seen {
		if strings.Contains(r.URL.RawQuery, "delete_all") {
			t.Errorf("no ids become %s", r.URL.RawQuery)
		}
	}
	onStage(t, simulator.Options{}, func(s *stage) {
		s.listed("a@example.com", "b@example.com")
		found, err := s.Lookup(s.Context(), []string{"a@example.com"})
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.DeleteContacts(s.Context(), []string{found["a@example.com"].ID}); err != nil {
			s.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		counts, err := s.Counts(s.Context())
		if err != nil || counts != (sendgrid.Counts{Contacts: 1, Billable: 2}) {
			s.Errorf("counts %+v, %v", counts, err)
		}
		if on, err := s.Suppressed(s.Context(), "b@example.com"); err != nil || on {
			s.Errorf("suppressed %v, %v", on, err)
		}
	})
}

// Story 8: lists are read page by page to the end, whatever the count beside says.
func TestRule28_ListsAreReadToTheLastPage(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		for i := range 999 {
			s.sim.AddList("", fmt.Sprint("n", i))
		}
		s.sim.AddList("", "beyond a thousand")
		lists, err := s.Lists(s.Context())
		if err != nil || len(lists) != 1001 {
			s.Errorf("%d lists, %v", len(lists), err)
		}
	})
	loop := &canned{status: 200, body: `{"result":[{"id":"x"}],"_metadata":{"next":"http://x/?page_token=same"}}`}
	if lists, err := client(t, sendgrid.Options{Transport: loop}).Lists(t.Context()); err != nil || len(lists) != 2 {
		t.Errorf("%d lists of a paging that repeats, %v", len(lists), err)
	}
	_, err := client(t, sendgrid.Options{Transport: &canned{status: 200, body: `{}`}}).Lists(t.Context())
	if e := failure(t, err); e.Class != sendgrid.Malformed {
		t.Errorf("an answer without lists is class %d", e.Class)
	}
}
