package sendgrid_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// A job is over by its counters, minutes before its status; absent counters are zero.
func TestRule09_AJobIsDoneByItsCountersOrItsStatus(t *testing.T) {
	for _, c := range []struct {
		job            sendgrid.Job
		done, terminal bool
	}{
		{sendgrid.Job{Status: "pending"}, false, false},
		{sendgrid.Job{Status: "pending", Requested: 3, Created: 1, Updated: 1}, false, false},
		{sendgrid.Job{Status: "pending", Requested: 3, Created: 1, Updated: 1, Errored: 1}, true, false},
		{sendgrid.Job{Status: "pending", Requested: 2, Deleted: 2}, true, false},
		{sendgrid.Job{Status: "completed", Requested: 3}, true, true},
		{sendgrid.Job{Status: "errored"}, true, true},
		{sendgrid.Job{Status: "failed"}, true, true},
		{sendgrid.Job{Status: "something new"}, false, false},
	} {
		if c.job.Done() != c.done || c.job.Terminal() != c.terminal {
			t.Errorf("%+v: done %v, terminal %v", c.job, c.job.Done(), c.job.Terminal())
		}
	}
	onStage(t, simulator.Options{Quirks: simulator.Quirks{SpecJobType: true}}, func(s *stage) {
		id := s.upsert("a@example.com", "b@example.com")
		time.Sleep(35 * time.Second)
		if j, err := s.Job(s.Context(), id); err != nil || !j.Done() || j.Terminal() || j.Created != 2 {
			s.Errorf("after 35 s: %+v, %v", j, err)
		}
		time.Sleep(4 * time.Minute)
		if j, err := s.Job(s.Context(), id); err != nil || !j.Terminal() || j.Failed() {
			s.Errorf("at the end: %+v, %v", j, err)
		}
		_, err := s.Job(s.Context(), "other")
		if e := failure(s, err); e.Class != sendgrid.NotFound {
			s.Errorf("unknown job: class %d", e.Class)
		}
	})
	_, err := client(t, sendgrid.Options{Transport: &canned{status: 200, body: `{}`}}).Job(t.Context(), "x")
	if e := failure(t, err); e.Class != sendgrid.Malformed {
		t.Errorf("an answer without status is class %d", e.Class)
	}
}

// The error file is fetched without the key, in whatever form it comes.
func TestRule10_TheErrorFileIsFetchedWithoutTheKey(t *testing.T) {
	for _, quirks := range []simulator.Quirks{{}, {ErrorsJSON: true}, {Anonymous: true}} {
		onStage(t, simulator.Options{Quirks: quirks}, func(s *stage) {
			job, err := s.Upsert(s.Context(), []byte(`{"contacts":[{"email":"a@example.com"},{"email":"B@example.com","phone_number":"000"}]}`))
			if err != nil {
				s.Fatal(err)
			}
			time.Sleep(35 * time.Second)
			j, err := s.Job(s.Context(), job)
			if err != nil || j.Errored != 1 || j.ErrorsURL == "" {
				s.Fatalf("job %+v, %v", j, err)
			}
			named, err := s.JobErrors(s.Context(), j.ErrorsURL)
			want := []sendgrid.JobError{{Email: "b@example.com", Message: "phone_number is not a valid phone number"}}
			if quirks.Anonymous {
				want[0].Email = "" // what it says of nobody is still said
			}
			if err != nil || !slices.Equal(named, want) {
				s.Errorf("errors %v, %v, want %v", named, err, want)
			}
		})
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, "identifier,error\n a@example.com ,\"bad, a@example.com\"\n,\n")
	_ = z.Close()
	for _, body := range []string{
		packed.String(),
		`[{"email":"A@example.com","message":"bad, a@example.com"}]`,
		"{\"email\":\"a@example.com\",\n\"reason\":\"bad, a@example.com\"}\n{\"email\":7}",
	} {
		c := &canned{status: 200, body: body}
		named, err := client(t, sendgrid.Options{Transport: c}).JobErrors(t.Context(), "http://files.test/x?signature=y")
		if err != nil || !slices.Equal(named, []sendgrid.JobError{{Email: "a@example.com", Message: "bad, …"}}) {
			t.Errorf("errors %v, %v", named, err)
		}
		if c.seen[0].Header.Get("Authorization") != "" {
			t.Error("the key went to the file's address")
		}
	}
	for body, status := range map[string]int{"<Error>expired</Error>": 403, "": 200} {
		named, err := client(t, sendgrid.Options{Transport: &canned{status: status, body: body}}).JobErrors(t.Context(), "http://files.test/x")
		if len(named) != 0 || (err == nil) != (status == 200) {
			t.Errorf("status %d: %v, %v", status, named, err)
		}
	}
	if _, err := client(t, sendgrid.Options{}).JobErrors(t.Context(), "no address"); err == nil {
		t.Error("an address that is none is taken")
	}
}

// Look-ups go 100 at a time, long addresses by the other route; what is not there is left out.
func TestRule16_LookUpsTellWhoIsThere(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		long := strings.Repeat("x", 120) + "@example.com"
		there := append(addresses(230), long)
		for rest := there; len(rest) > 0; rest = rest[min(len(rest), 100):] {
			s.upsert(rest[:min(len(rest), 100)]...)
		}
		time.Sleep(30 * time.Second)
		asked := append([]string{"nobody@example.com", strings.Repeat("y", 120) + "@example.com"}, there...)
		found, err := s.Lookup(s.Context(), asked)
		if err != nil || len(found) != len(there) {
			s.Fatalf("found %d, %v", len(found), err)
		}
		if f := found[long]; f.ID == "" || f.Email != long || !slices.Equal(f.Lists, []string{s.list}) {
			s.Errorf("the long one is %+v", f)
		}
		requests := s.sim.Summary().Requests
		if requests[string(sendgrid.RouteEmails)] != 3 || requests[string(sendgrid.RouteIdentifiers)] != 1 {
			s.Errorf("requests %v", requests)
		}
		if found, err := s.Lookup(s.Context(), []string{"nobody@example.com"}); err != nil || len(found) != 0 {
			s.Errorf("nobody is found as %v, %v", found, err)
		}
	})
}

// H8: a stranger whose alternate address is ours is not our contact, and what a gateway says is nothing.
func TestRule16_OnlySendGridsAnswerAboutThePrimaryAddressCounts(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		if _, err := s.Upsert(s.Context(), []byte(`{"contacts":[{"email":"stranger@example.com","alternate_emails":["ada@example.com"]}]}`)); err != nil {
			s.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		found, err := s.Lookup(s.Context(), []string{"ada@example.com"})
		if err != nil || len(found) != 0 {
			s.Errorf("found %v, %v", found, err)
		}
	})
	for _, c := range []canned{
		{status: 404},
		{status: 404, body: "<html>"},
		{status: 404, body: `{"message":"no route matched"}`},
		{status: 404, body: `{"errors":[]}`},
		{status: 200, body: `{}`},
		{status: 200, body: `{"result":{"ada@example.com":{"contact":{"email":"ada@example.com"}}}}`},
	} {
		_, err := client(t, sendgrid.Options{Transport: &c}).Lookup(t.Context(), []string{"ada@example.com"})
		if e := failure(t, err); e.Class != sendgrid.Malformed {
			t.Errorf("%d %s is class %d", c.status, c.body, e.Class)
		}
	}
	real := canned{status: 404, body: `{"errors":[{"field":null,"message":"contacts not found"}]}`}
	if found, err := client(t, sendgrid.Options{Transport: &real}).Lookup(t.Context(), []string{"ada@example.com"}); err != nil || len(found) != 0 {
		t.Errorf("SendGrid's own 404: %v, %v", found, err)
	}
}

// An export shows the whole list, in whatever form and number of files, and says when it is not whole.
func TestRule30_AnExportShowsTheWholeList(t *testing.T) {
	for _, quirks := range []simulator.Quirks{{}, {ExportsAsJSON: true}} {
		onStage(t, simulator.Options{Quirks: quirks}, func(s *stage) {
			s.listed(addresses(3000)...)
			s.sim.Alter("stranger@example.com", s.sim.AddList("", "Other"), true, nil)
			s.sim.Alter("p7@example.com", s.list, true, map[string]string{"city": "Rome"})
			begun, ids := time.Now(), map[string]string{}
			err := s.ExportList(s.Context(), s.list, func(m sendgrid.Member) error {
				ids[m.Email] = m.ID
				if m.Email == "p7@example.com" && m.Fields()["city"] != "Rome" {
					s.Errorf("fields %v", m.Fields())
				}
				return nil
			})
			if err != nil || len(ids) != 3000 || ids["stranger@example.com"] != "" {
				s.Fatalf("%d exported, %v", len(ids), err)
			}
			if took := time.Since(begun); took < 30*time.Second || took > time.Minute {
				s.Errorf("it took %s", took)
			}
			found, err := s.Lookup(s.Context(), []string{"p9@example.com"})
			if err != nil || found["p9@example.com"].ID != ids["p9@example.com"] {
				s.Errorf("the look-up says %v, the export %s: %v", found, ids["p9@example.com"], err)
			}
			stop := errors.New("enough")
			if err := s.ExportList(s.Context(), s.list, func(sendgrid.Member) error { return stop }); !errors.Is(err, stop) {
				s.Errorf("a visit's error comes back as %v", err)
			}
		})
	}
}

// files answers an export with files of the test's choice.
type files struct {
	canned
	job   string
	parts map[string]string
}

func (f *files) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case r.Method == http.MethodPost:
		f.status, f.body = 202, `{"id":"e"}`
	case strings.HasPrefix(r.URL.Path, "/v3/"):
		f.status, f.body = 200, f.job
	default:
		f.status, f.body = 200, f.parts[r.URL.Path]
	}
	return f.canned.RoundTrip(r)
}

func TestRule30_FilesOfEveryFormAreReadAndCutOnesRefused(t *testing.T) {
	pack := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		return b.String()
	}
	lines := "{\"contact_id\":\"1\",\"email\":\"a@example.com\"}\n{\"contact_id\":\"2\"}\n"
	many := pack(strings.Repeat(lines, 5000))
	for name, c := range map[string]struct {
		job, one, two string
		visited       int
		class         sendgrid.Class
	}{
		"lines and an array":   {"", pack(lines), `[{"id":"3","email":"c@example.com"}]`, 3, 0},
		"CSV":                  {"", pack("EMAIL,FIRST_NAME,CONTACT_ID\na@example.com,\"A, B\",1\n"), "email,contact_id\nb@example.com,2\n", 2, 0},
		"nobody":               {"", pack(""), pack("[]"), 0, 0},
		"packed, cut":          {"", many[:len(many)/2], "", -1, sendgrid.Ambiguous},
		"an array, cut":        {"", `[{"id":"3"}`, "", 1, sendgrid.Ambiguous},
		"a line, cut":          {"", lines[:60], "", 1, sendgrid.Ambiguous},
		"another count":        {`{"status":"ready","urls":["http://f/1"],"contact_count":3}`, lines, "", 2, sendgrid.Ambiguous},
		"no ids":               {"", `{"email":"a@example.com"}`, "", 0, sendgrid.Malformed},
		"a page":               {"", "<html>", "", 0, sendgrid.Malformed},
		"CSV without ids":      {"", "email\na@example.com\n", "", 0, sendgrid.Malformed},
		"failure":              {`{"status":"failure","message":"for ada@example.com"}`, "", "", 0, sendgrid.Unavailable},
		"a status of no sort":  {`{}`, "", "", 0, sendgrid.Malformed},
		"files of no addresss": {`{"status":"ready","urls":["x"]}`, "", "", 0, sendgrid.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &files{job: c.job, parts: map[string]string{"/1": c.one, "/2": c.two}}
				if f.job == "" {
					f.job = `{"status":"ready","urls":["http://f/1","http://f/2"]}`
				}
				n := 0
				err := client(t, sendgrid.Options{Transport: f}).ExportList(t.Context(), "l", func(m sendgrid.Member) error { n++; return nil })
				if c.class != 0 {
					if e := failure(t, err); e.Class != c.class {
						t.Errorf("class %d, want %d: %v", e.Class, c.class, err)
					}
				} else if err != nil {
					t.Error(err)
				}
				if n != c.visited && c.visited >= 0 {
					t.Errorf("%d visits, want %d", n, c.visited)
				}
				for _, r := range f.seen {
					if r.URL.Host == "f" && r.Header.Get("Authorization") != "" {
						t.Error("the key went to a file's address")
					}
				}
			})
		})
	}
}

// An export outlives a burst of errors, and ends with its context.
func TestRule30_AnExportWaitsAsLongAsItMay(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		s.listed("a@example.com")
		if err := s.sim.SetFaults([]simulator.Fault{{Kind: "status", Route: string(sendgrid.RouteExportJob), For: 240}}); err != nil {
			s.Fatal(err)
		}
		n := 0
		visit := func(sendgrid.Member) error { n++; return nil }
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		err := s.ExportList(ctx, s.list, visit)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || n != 0 {
			s.Errorf("%d visits, %v", n, err)
		}
		if err := s.ExportList(s.Context(), s.list, visit); err != nil || n != 1 {
			s.Errorf("%d visits, %v", n, err)
		}
		if n := s.sim.Summary().Requests[string(sendgrid.RouteExportJob)]; n > 15 {
			s.Errorf("the export was asked for %d times", n)
		}
	})
}

func ExampleJob_Done() {
	fmt.Println(sendgrid.Job{Status: "pending", Requested: 2, Created: 1, Errored: 1}.Done())
	// Output: true
}
