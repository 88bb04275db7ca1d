package simulator

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestKeysAreLookedAt(t *testing.T) {
	inBubble(t, Options{Keys: []string{"SG.test", "SG.mail"}, Restricted: []string{"SG.mail"}}, func(b *bench) {
		for key, want := range map[string]string{"": "authorization required", "SG.other": "invalid, expired, or revoked"} {
			b.key = key
			if r := b.want(401, "GET", "/v3/scopes", ""); !strings.Contains(r.body, want) {
				b.Errorf("answer %s, want %s", r.body, want)
			}
		}
		b.key = "SG.mail"
		b.want(200, "GET", "/v3/scopes", "")
		b.want(403, "GET", contactsPath+"/count", "")
		b.key = "SG.test"
		b.Revoke(true)
		b.want(401, "GET", "/v3/scopes", "")
		b.Revoke(false)
		b.Block(true)
		if r := b.want(401, "GET", "/v3/scopes", ""); !strings.Contains(r.body, "IP Address is not whitelisted") {
			b.Errorf("answer %s", r.body)
		}
		b.Block(false)
		b.want(200, "GET", "/v3/scopes", "")
	})
}

// Limits go by key and route in whole minutes, and every answer tells them (rule 23).
func TestRequestsAreCountedByTheMinute(t *testing.T) {
	for quirks, reset := range map[Quirks]func(time.Time) string{
		{}:                                     func(time.Time) string { return "55" },
		{EpochReset: true, EmptyLimited: true}: func(now time.Time) string { return fmt.Sprint(now.Truncate(time.Minute).Unix() + 60) },
	} {
		inBubble(t, Options{Quirks: quirks}, func(b *bench) {
			time.Sleep(5 * time.Second)
			first := b.want(400, "PUT", contactsPath, "{}") // a refused request counts too
			b.equal("limit", first.header.Get("x-ratelimit-limit"), "200")
			b.equal("remaining", first.header.Get("x-ratelimit-remaining"), "199")
			b.equal("reset", first.header.Get("x-ratelimit-reset"), reset(time.Now()))
			for range 199 {
				b.want(400, "PUT", contactsPath, "{}")
			}
			r := b.want(429, "PUT", contactsPath, "{}")
			b.equal("body", r.body == "", quirks.EmptyLimited)
			b.equal("retry-after", r.header.Get("retry-after"), "")
			b.want(400, "DELETE", contactsPath, "") // a budget of its own
			time.Sleep(55 * time.Second)
			b.want(400, "PUT", contactsPath, "{}")
		})
	}
}

func TestFaultsOfRequests(t *testing.T) {
	one := `{"email":"a@example.com"}`
	for _, c := range []struct {
		fault   Fault
		status  int
		body    string
		applied int
	}{
		{Fault{Kind: "status"}, 500, `{"errors":[{"field":null,"message":"internal error"}]}`, 0},
		{Fault{Kind: "status", Status: 429}, 429, "too many requests", 0},
		{Fault{Kind: "html"}, 502, "<html>", 0},
		{Fault{Kind: "empty429"}, 429, "", 0},
		{Fault{Kind: "reset"}, 0, "reset", 0},
		{Fault{Kind: "lose"}, 0, "reset", 1},
		{Fault{Kind: "slow", Delay: 90}, 202, "job_id", 1},
		{Fault{Kind: "status", Route: "GET scopes"}, 202, "job_id", 1},
		{Fault{Kind: "status", After: 1}, 202, "job_id", 1},
	} {
		t.Run(c.fault.Kind+fmt.Sprint(c.fault.Status, c.status), func(t *testing.T) {
			inBubble(t, Options{}, func(b *bench) {
				if err := b.SetFaults([]Fault{c.fault}); err != nil {
					b.Fatal(err)
				}
				begun := time.Now()
				r := b.call(http.MethodPut, contactsPath, b.upsertBody(one))
				if r.status != c.status || !strings.Contains(r.body, c.body) {
					b.Errorf("answer %d %s", r.status, r.body)
				}
				b.equal("seconds", time.Since(begun).Seconds(), c.fault.Delay)
				struck := 1
				if c.fault.Route != "" || c.fault.After > 0 {
					struck = 0 // it is of another route, or begins later
				}
				b.equal("struck", b.Summary().Struck[c.fault.Kind], struck)
				b.applied()
				b.equal("contacts", b.Summary().Contacts, c.applied)
			})
		})
	}
}

// What a network holds back arrives, though the one who sent it has gone (H1).
func TestAHeldRequestIsServedWhenItsClientHasGone(t *testing.T) {
	for name, release := range map[string]func(*bench){
		"after its delay":           func(*bench) { time.Sleep(50 * time.Second) },
		"when the plan is replaced": func(b *bench) { _ = b.SetFaults(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(b *bench) {
				f := Fault{Kind: "hold", Route: "PUT contacts", Count: 1}
				if name == "after its delay" {
					f.Delay = 60
				}
				if err := b.SetFaults([]Fault{f}); err != nil {
					b.Fatal(err)
				}
				ctx, leave := context.WithTimeout(b.Context(), time.Second)
				defer leave()
				done := make(chan struct{})
				go func() {
					defer close(done)
					r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://sendgrid"+contactsPath, strings.NewReader(b.upsertBody(`{"email":"a@example.com"}`)))
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Authorization", "Bearer "+b.key)
					if answer, err := b.RoundTrip(r); err == nil {
						_ = answer.Body.Close()
						t.Error("a client that had gone got an answer")
					}
				}()
				time.Sleep(20 * time.Second)
				b.equal("held", b.Summary().Held, 1)
				b.equal("served", b.Summary().Requests["PUT contacts"], 0)
				release(b)
				<-done
				b.equal("held at the end", b.Summary().Held, 0)
				b.equal("struck", b.Summary().Struck["hold"], 1)
				b.applied()
				b.equal("contacts", b.Summary().Contacts, 1)
			})
		})
	}
}

func TestFaultsOfJobs(t *testing.T) {
	for _, c := range []struct {
		fault            Fault
		at31, end, count string
	}{
		{Fault{Kind: "never"}, "pending", "completed", ""},
		{Fault{Kind: "pending"}, "pending", "pending", "1"},
		{Fault{Kind: "late", Delay: 60}, "pending", "completed", "1"},
		{Fault{Kind: "early"}, "completed", "completed", "1"},
		{Fault{Kind: "unknown", Delay: 60}, "", "completed", "1"},
	} {
		t.Run(c.fault.Kind, func(t *testing.T) {
			inBubble(t, Options{}, func(b *bench) {
				if err := b.SetFaults([]Fault{c.fault}); err != nil {
					b.Fatal(err)
				}
				path := contactsPath + "/imports/" + b.put(`{"email":"a@example.com"}`)
				time.Sleep(31 * time.Second)
				b.equal("status after 31 s", b.call("GET", path, "").field("status"), c.at31)
				time.Sleep(10 * time.Minute)
				r := b.want(200, "GET", path, "")
				b.equal("status at the end", r.field("status"), c.end)
				b.equal("created", r.field("results", "created_count"), c.count)
			})
		})
	}
}

// A job may be struck by several faults. One that is never applied counts nobody, whatever else is wrong with it: no program could
// tell a job that says of everybody that it was done, and is not.
func TestAJobThatIsNeverAppliedCountsNobody(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		if err := b.SetFaults([]Fault{{Kind: "never"}, {Kind: "early"}}); err != nil {
			b.Fatal(err)
		}
		path := contactsPath + "/imports/" + b.put(`{"email":"a@example.com"}`)
		for range 2 {
			time.Sleep(10 * time.Minute)
			r := b.want(200, "GET", path, "")
			b.equal("status", r.field("status"), "completed")
			b.equal("updated", r.field("results", "updated_count"), "")
		}
	})
}

func TestAnyOrderAppliesJobsOutOfOrder(t *testing.T) {
	inBubble(t, Options{Quirks: Quirks{AnyOrder: true}}, func(b *bench) {
		for i := range 20 {
			b.put(fmt.Sprintf(`{"email":"%d@example.com"}`, i))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		jobs, swapped := b.Jobs(), 0
		for i := 1; i < len(jobs); i++ {
			if jobs[i].Applied.Before(jobs[i-1].Applied) {
				swapped++
			}
		}
		if swapped == 0 {
			b.Error("all jobs were applied in their order")
		}
	})
}

// Who is refused is told by the seed alone, and the same every time.
func TestRefusalsAreSeeded(t *testing.T) {
	refused := func(seed uint64, kind string) (which string) {
		inBubble(t, Options{Seed: seed}, func(b *bench) {
			if err := b.SetFaults([]Fault{{Kind: kind, Share: 0.1}}); err != nil {
				b.Fatal(err)
			}
			for i := range 200 {
				r := b.call("PUT", contactsPath, b.upsertBody(fmt.Sprintf(`{"email":"p%d@example.com"}`, i)))
				if r.status == 400 {
					which += fmt.Sprint(i, " ")
					if named := strings.Contains(r.body, "is not valid"); named != (kind == "refuse") {
						b.Errorf("kind %s answers %s", kind, r.body)
					}
				}
			}
		})
		return which
	}
	for _, kind := range []string{"refuse", "unnamed"} {
		a := refused(1, kind)
		if n := len(strings.Fields(a)); n < 8 || n > 40 {
			t.Errorf("%d of 200 are refused at a share of 0.1", n)
		}
		if a != refused(1, kind) || a == refused(2, kind) {
			t.Error("refusals do not go by the seed")
		}
	}
}

// The same seed, clock and requests give the same bytes.
func TestRunsRepeat(t *testing.T) {
	run := func() (log string) {
		inBubble(t, Options{Seed: 7, Quirks: Quirks{AnyOrder: true}}, func(b *bench) {
			if err := b.SetFaults([]Fault{{Kind: "status", Share: 0.3}}); err != nil {
				b.Fatal(err)
			}
			other := b.AddList("", "Other")
			for i := range 50 {
				r := b.call("PUT", contactsPath, fmt.Sprintf(`{"list_ids":["%s","%s"],"contacts":[{"email":"%d@example.com"}]}`, b.list, other, i%20))
				log += r.body
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
			b.SetFaults(nil)
			log += b.want(200, "GET", contactsPath, "").body
			b.want(204, "DELETE", "/v3/marketing/lists/"+other, "")
			log += text(b.History(other))
		})
		return log
	}
	if first, second := run(), run(); first != second {
		t.Error("two runs differ")
	}
}

func TestSwitchesGoByName(t *testing.T) {
	for _, name := range Switches() {
		var q Quirks
		if err := q.Switch(name); err != nil || q == (Quirks{}) || name == "" {
			t.Errorf("switch %q: %v", name, err)
		}
	}
	if err := new(Quirks).Switch("other"); err == nil {
		t.Error("an unknown switch is taken")
	}
}
