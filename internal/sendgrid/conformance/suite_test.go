package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// world is a SendGrid, simulated or real, that the suite runs against.
type world struct {
	*testing.T
	*sendgrid.Account
	list string
	tag  string // in every address that the suite makes
	live bool
}

func (w *world) email(name string) string { return name + "-" + w.tag + "@example.com" }

func (w *world) batch(list string, contacts ...string) (string, error) {
	var lists []string
	if list != "" {
		lists = []string{list}
	}
	b := sendgrid.NewBatch(lists, 30000, 3_500_000)
	defer b.Release()
	for _, c := range contacts {
		b.Add([]byte(c))
	}
	return w.Upsert(w.Context(), b.Bytes())
}

// put upserts contacts on the list and follows the job until it is over.
func (w *world) put(contacts ...string) sendgrid.Job {
	w.Helper()
	id, err := w.batch(w.list, contacts...)
	if err != nil {
		w.Fatal(err)
	}
	return w.follow(id)
}

func (w *world) follow(id string) sendgrid.Job {
	w.Helper()
	for tries := 0; ; tries++ {
		time.Sleep(35 * time.Second)
		j, err := w.Job(w.Context(), id)
		if err == nil && j.Done() {
			return j
		}
		if tries == 20 {
			w.Fatalf("job %s is not over after %d looks: %+v, %v", id, tries, j, err)
		}
	}
}

// await looks a contact up until it is as it is wanted.
func (w *world) await(email string, want func(sendgrid.Found, bool) bool) {
	w.Helper()
	for tries := 0; ; tries++ {
		found, err := w.Lookup(w.Context(), []string{email})
		f, there := found[email]
		if err == nil && want(f, there) {
			return
		}
		if tries == 20 {
			w.Fatalf("a contact is not as wanted after %d looks: there %v, lists %v, %v", tries, there, f.Lists, err)
		}
		time.Sleep(20 * time.Second)
	}
}

func (w *world) on(f sendgrid.Found, there bool) bool {
	return there && slices.Contains(f.Lists, w.list)
}

// class is the class of a failure.
func (w *world) class(err error) sendgrid.Class {
	w.Helper()
	var e *sendgrid.Error
	if !errors.As(err, &e) {
		w.Fatalf("%v is no *sendgrid.Error", err)
	}
	return e.Class
}

// suite is what a client may expect of SendGrid, one scenario after the other.
var suite = []struct {
	name string
	run  func(w *world)
}{
	{"a key can be tried, and an account counted", func(w *world) {
		if scopes, err := w.Scopes(w.Context()); err != nil || len(scopes) == 0 {
			w.Errorf("%d scopes, %v", len(scopes), err)
		}
		if _, err := w.Counts(w.Context()); err != nil {
			w.Error(err)
		}
	}},
	{"the list is found by id and among all", func(w *world) {
		if l, err := w.List(w.Context(), w.list); err != nil || l.ID != w.list {
			w.Errorf("list %+v, %v", l, err)
		}
		lists, err := w.Lists(w.Context())
		if err != nil || !slices.ContainsFunc(lists, func(l sendgrid.List) bool { return l.ID == w.list }) {
			w.Errorf("it is not among %d lists, %v", len(lists), err)
		}
		if _, err := w.List(w.Context(), "00000000-0000-4000-8000-000000000000"); w.class(err) != sendgrid.NotFound {
			w.Errorf("an unknown list: %v", err)
		}
	}},
	{"an upsert is applied, merged and cleared", func(w *world) {
		email := w.email("ada")
		if j := w.put(`{"email":"` + strings.ToUpper(email[:1]) + email[1:] + `","first_name":"Ada","city":"Rome"}`); j.Errored != 0 {
			w.Errorf("job %+v", j)
		}
		w.await(email, w.on)
		w.put(`{"email":"` + email + `","city":""}`)
		w.await(email, func(f sendgrid.Found, there bool) bool {
			return there && f.Fields["first_name"] == "Ada" && f.Fields["city"] == ""
		})
	}},
	{"one bad e-mail fails a batch, and is named", func(w *world) {
		_, err := w.batch(w.list, `{"email":"`+w.email("good")+`"}`, `{"email":"bad"}`)
		var e *sendgrid.Error
		if !errors.As(err, &e) || e.Class != sendgrid.BadContacts || len(e.Invalid) != 1 || e.Invalid[0].Email != "bad" {
			w.Errorf("%+v", err)
		}
		time.Sleep(time.Minute)
		if found, err := w.Lookup(w.Context(), []string{w.email("good")}); err != nil || len(found) != 0 {
			w.Errorf("something of the batch was applied: %d, %v", len(found), err)
		}
	}},
	{"an unknown field is refused", func(w *world) {
		_, err := w.batch("", `{"email":"`+w.email("field")+`","custom_fields":{"e999_T":"x"}}`)
		if w.class(err) != sendgrid.BadFields {
			w.Errorf("%v", err)
		}
		if _, err := w.FieldDefinitions(w.Context()); err != nil {
			w.Error(err)
		}
	}},
	{"a bad value leaves its contact out, in the job", func(w *world) {
		email := w.email("phone")
		j := w.put(`{"email":"`+email+`","phone_number":"000"}`, `{"email":"`+w.email("beside")+`"}`)
		if j.Errored > 0 && j.ErrorsURL != "" {
			if _, err := w.JobErrors(w.Context(), j.ErrorsURL); err != nil {
				w.Error(err)
			}
		}
		w.await(w.email("beside"), w.on)
		if found, err := w.Lookup(w.Context(), []string{email}); err != nil || len(found) != 0 {
			w.Errorf("the contact is there: %d, %v", len(found), err)
		}
	}},
	{"who is not there is not found", func(w *world) {
		found, err := w.Lookup(w.Context(), []string{w.email("nobody"), w.email(strings.Repeat("n", 110))})
		if err != nil || len(found) != 0 {
			w.Errorf("found %d, %v", len(found), err)
		}
		if _, err := w.Job(w.Context(), "00000000-0000-4000-8000-000000000000"); w.class(err) != sendgrid.NotFound {
			w.Errorf("an unknown job: %v", err)
		}
	}},
	{"a removal leaves the contact, and a stale id has no effect", func(w *world) {
		emails := []string{w.email("leaves"), w.email("stays")}
		w.put(`{"email":"`+emails[0]+`"}`, `{"email":"`+emails[1]+`"}`)
		var id string
		w.await(emails[0], func(f sendgrid.Found, there bool) bool { id = f.ID; return w.on(f, there) })
		if _, err := w.RemoveFromList(w.Context(), w.list, []string{id}); err != nil {
			w.Fatal(err)
		}
		time.Sleep(35 * time.Second)
		w.await(emails[0], func(f sendgrid.Found, there bool) bool { return there && !w.on(f, there) })
		w.await(emails[1], w.on)
	}},
	{"an export shows the list, with ids", func(w *world) {
		email, members := w.email("exported"), map[string]string{}
		w.put(`{"email":"` + email + `"}`)
		w.await(email, w.on)
		ctx, cancel := context.WithTimeout(w.Context(), 15*time.Minute)
		defer cancel()
		if err := w.ExportList(ctx, w.list, func(m sendgrid.Member) error { members[m.Email] = m.ID; return nil }); err != nil {
			w.Fatal(err)
		}
		w.await(email, func(f sendgrid.Found, _ bool) bool { return f.ID == members[email] && f.ID != "" })
	}},
	{"an upsert resubscribes nobody", func(w *world) {
		if on, err := w.Suppressed(w.Context(), w.email("ada")); err != nil || on {
			w.Errorf("suppressed %v, %v", on, err)
		}
	}},
	{"a deleted contact is gone", func(w *world) {
		var ids []string
		for _, name := range []string{"ada", "beside", "leaves", "stays", "exported"} {
			found, err := w.Lookup(w.Context(), []string{w.email(name)})
			if err != nil {
				w.Fatal(err)
			}
			ids = append(ids, found[w.email(name)].ID)
		}
		if _, err := w.DeleteContacts(w.Context(), ids); err != nil {
			w.Fatal(err)
		}
		time.Sleep(35 * time.Second)
		w.await(w.email("ada"), func(_ sendgrid.Found, there bool) bool { return !there })
	}},
}

// settings are the switches, one at a time, and all of them.
func settings(t *testing.T) map[string]simulator.Quirks {
	all := map[string]simulator.Quirks{"none": {}}
	var every simulator.Quirks
	for _, name := range simulator.Switches() {
		var one simulator.Quirks
		if err := errors.Join(one.Switch(name), every.Switch(name)); err != nil {
			t.Fatal(err)
		}
		all[name] = one
	}
	all["all"] = every
	return all
}

// The suite against the simulator under every switch; every request and every answer is in SendGrid's
// documents.
func TestSuite(t *testing.T) {
	for name, quirks := range settings(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)))
				sim := simulator.New(simulator.Options{Quirks: quirks})
				j := newJudge(t, sim, true)
				a, err := sendgrid.New(sendgrid.Options{Transport: j, Key: func() (string, error) { return "SG.simulator", nil }})
				if err != nil {
					t.Fatal(err)
				}
				w := &world{T: t, Account: a, list: sim.AddList("", "Conformance"), tag: "t1"}
				for _, scenario := range suite {
					scenario.run(w)
					if t.Failed() {
						t.Fatalf("it failed in: %s", scenario.name)
					}
				}
				j.check(t, false)
				if n := sim.Summary().Lists[w.list]; n != 0 {
					t.Errorf("%d contacts are left on the list", n)
				}
			})
		})
	}
}

// The same against a real account, where somebody asks for it (see the package's page).
func TestSuiteLive(t *testing.T) {
	key, list := os.Getenv("SENDGRID_API_KEY"), os.Getenv("ROLLCALL_CONFORMANCE_LIST")
	if os.Getenv("ROLLCALL_CONFORMANCE_LIVE") != "yes" || key == "" || list == "" {
		t.Skip("set ROLLCALL_CONFORMANCE_LIVE=yes, SENDGRID_API_KEY and ROLLCALL_CONFORMANCE_LIST to run against a real account")
	}
	a, err := sendgrid.New(sendgrid.Options{BaseURL: os.Getenv("ROLLCALL_CONFORMANCE_URL"), Key: func() (string, error) { return key, nil }})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, Account: a, list: list, tag: fmt.Sprintf("rollcall-%d", time.Now().Unix()), live: true}
	l, err := w.List(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("this makes seven contacts *-%s@example.com at SendGrid, puts them on the list %q (%d contacts), takes one off it, exports the list,\n"+
		"and deletes those that it made; they count in this month's bill. It begins in 10 seconds: Ctrl-C stops it.", w.tag, l.Name, l.ContactCount)
	time.Sleep(10 * time.Second)
	for _, scenario := range suite {
		t.Run(scenario.name, func(t *testing.T) {
			one := *w
			one.T = t
			scenario.run(&one)
		})
	}
}
