package simulator

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// 202 is not success: nothing shows before the delay has passed (rule 1).
func TestWritesAreAppliedAfterTheDelay(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		job := b.put(`{"email":"Ada@Example.com","first_name":"Ada"}`)
		time.Sleep(29 * time.Second)
		b.equal("contacts", b.Summary().Contacts, 0)
		b.want(404, "POST", contactsPath+"/search/emails", `{"emails":["ada@example.com"]}`)
		status := b.want(200, "GET", contactsPath+"/imports/"+job, "")
		b.equal("counters", status.field("results"), `{"requested_count":1}`)
		time.Sleep(time.Second)
		status = b.want(200, "GET", contactsPath+"/imports/"+job, "")
		b.equal("status", status.field("status"), "pending")
		b.equal("counters", status.field("results"), `{"created_count":1,"requested_count":1}`)
		found := b.want(200, "POST", contactsPath+"/search/emails", `{"emails":["ADA@example.com"]}`)
		b.equal("name", found.field("result", "ada@example.com", "contact", "first_name"), "Ada")
		time.Sleep(220 * time.Second)
		status = b.want(200, "GET", contactsPath+"/imports/"+job, "")
		b.equal("status", status.field("status"), "completed")
		b.equal("job_type", status.field("job_type"), "upsert_contacts")
		time.Sleep(time.Hour)
		b.want(404, "GET", contactsPath+"/imports/"+job, "")
	})
}

// One bad e-mail fails the whole request, and nothing is queued (rule 7).
func TestOneBadContactFailsTheBatch(t *testing.T) {
	bad := `{"email":"nobody"}`
	for name, c := range map[string]struct {
		quirks Quirks
		body   string
		status int
		want   string
	}{
		"every bad e-mail": {
			Quirks{},
			`[{"email":"a@example.com"},` + bad + `,` + bad + `]`, 400,
			`{"errors":[{"field":"contacts[1].identifier","message":"email 'nobody' is not valid"},{"field":"contacts[2].identifier","message":"email 'nobody' is not valid"}]}`,
		},
		"the first": {
			Quirks{FirstOnly: true, LegacyField: true},
			`[{"email":"a@example.com"},` + bad + `,` + bad + `]`, 400,
			`{"errors":[{"field":"contacts[1].email","message":"email 'nobody' is not valid"}]}`,
		},
		"no identifier":   {Quirks{}, `[{"first_name":"Ada"}]`, 400, `at least one identifier`},
		"unknown field":   {Quirks{}, `[{"email":"a@example.com","custom_fields":{"e9_T":"x"}}]`, 400, `invalid custom field ids supplied - e9_T`},
		"a wrong shape":   {Quirks{}, `[{"email":7}]`, 400, `{"field":"","message":"invalid input"}`},
		"null":            {Quirks{}, `[{"email":"a@example.com","city":null}]`, 400, `invalid input`},
		"null is taken":   {Quirks{Nulls: true}, `[{"email":"a@example.com","city":null}]`, 202, `job_id`},
		"no null in text": {Quirks{}, `[{"email":"a@example.com","city":"null \"n"}]`, 202, `job_id`},
		"twice":           {Quirks{}, `[{"email":"a@example.com"},{"email":"A@example.com"}]`, 400, `there twice`},
		"twice is taken":  {Quirks{Duplicates: true}, `[{"email":"a@example.com"},{"email":"A@example.com"}]`, 202, `job_id`},
		"none":            {Quirks{}, `[]`, 400, `at least one contact`},
		"no JSON":         {Quirks{}, `[{`, 400, `invalid JSON`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{Quirks: c.quirks}, func(b *bench) {
				r := b.want(c.status, "PUT", contactsPath, `{"contacts":`+c.body+`}`)
				if !strings.Contains(r.body, c.want) {
					b.Errorf("answer %s, want %s", r.body, c.want)
				}
				if c.status != 202 {
					b.equal("jobs", len(b.Jobs()), 0)
				}
			})
		})
	}
}

func TestBodiesAreLimited(t *testing.T) {
	for quirks, status := range map[Quirks]int{{}: 413, {Oversize400: true}: 400} {
		inBubble(t, Options{Quirks: quirks}, func(b *bench) {
			long := `{"email":"a@example.com","city":"` + strings.Repeat("x", 4<<20) + `"}`
			b.want(status, "PUT", contactsPath, b.upsertBody(long))
			var many []string
			for i := range maxContacts + 1 {
				many = append(many, fmt.Sprintf(`{"email":"%d@example.com"}`, i))
			}
			b.want(400, "PUT", contactsPath, b.upsertBody(many...))
			b.put(many[:maxContacts]...)
		})
	}
}

// A bad value is dropped inside the job: the contact stays wholly as it was (rule 6).
func TestBadValuesFailInTheJob(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		number, date := b.AddField("points", "Number"), b.AddField("joined", "Date")
		b.put(`{"email":"a@example.com","city":"Rome"}`, `{"email":"b@example.com","external_id":"7"}`)
		b.applied()
		job := b.put(
			`{"email":"a@example.com","city":"Oslo","custom_fields":{"`+date+`":"AAAAA"}}`,
			`{"email":"b@example.com","city":"Oslo"}`,
			`{"email":"c@example.com","phone_number":"000"}`,
			`{"email":"d@example.com","country":"`+strings.Repeat("x", 51)+`"}`,
			`{"email":"e@example.com","custom_fields":{"`+number+`":"12"}}`,
			`{"email":"f@example.com","custom_fields":{"`+number+`":12.50,"`+date+`":"2021-02-11T23:03:03.000Z"}}`,
		)
		b.applied()
		b.equal("a's city", b.contact("a@example.com").Fields["city"], "Rome")
		b.equal("f", b.contact("f@example.com").Fields, map[string]string{"points": "12.50", "joined": "2021-02-11T23:03:03Z"})
		status := b.want(200, "GET", contactsPath+"/imports/"+job, "")
		b.equal("created", status.field("results", "created_count"), "1")
		b.equal("errored", status.field("results", "errored_count"), "5")
		b.key = ""
		file := b.want(200, "GET", strings.TrimPrefix(status.field("results", "errors_url"), "http://sendgrid.test"), "").body
		for _, want := range []string{"a@example.com,the value of joined is no Date", "b@example.com,the contact has another identifier", "c@example.com,phone_number is not"} {
			if !strings.Contains(file, want) {
				b.Errorf("error file %q lacks %q", file, want)
			}
		}
	})
}

// Omitted is kept, "" clears, the same again moves nothing, lists are only added (rule 13).
func TestUpsertsMerge(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		tier := b.AddField("tier", "Text")
		b.put(`{"email":"a@example.com","city":"Rome","country":"IT","custom_fields":{"` + tier + `":"gold"}}`)
		b.applied()
		id := b.contact("a@example.com").ID
		at := b.want(200, "GET", contactsPath+"/"+id, "").field("updated_at")
		b.want(202, "PUT", contactsPath, `{"list_ids":[],"listIds":["x"],"contacts":[{"email":"A@example.com","id":"other"}]}`)
		b.applied()
		b.equal("updated_at", b.want(200, "GET", contactsPath+"/"+id, "").field("updated_at"), at)
		b.equal("lists", b.contact("a@example.com").Lists, []string{b.list})
		b.put(`{"email":"a@example.com","city":""}`)
		b.applied()
		b.equal("fields", b.contact("a@example.com").Fields, map[string]string{"country": "IT", "tier": "gold"})
		shown := b.want(200, "GET", contactsPath+"/"+id, "")
		b.equal("custom fields by name", shown.field("custom_fields"), `{"tier":"gold"}`)
		if shown.field("updated_at") == at {
			b.Error("a change did not move updated_at")
		}
	})
}

func TestIdentifiersNameOneContact(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.put(`{"email":"a@example.com","external_id":"7"}`, `{"external_id":"8"}`, `{"email":"c@example.com","alternate_emails":["Other@example.com"]}`)
		b.applied()
		b.want(200, "POST", contactsPath+"/search/identifiers/external_id", `{"identifiers":["8"]}`)
		b.equal("an alternate's owner", b.want(200, "POST", contactsPath+"/search/emails", `{"emails":["other@example.com"]}`).
			field("result", "other@example.com", "contact", "email"), "c@example.com")
		b.want(404, "POST", contactsPath+"/search/identifiers/email", `{"identifiers":["other@example.com"]}`)
		job := b.put(`{"email":"a@example.com","external_id":"8"}`)
		b.applied()
		b.equal("errored", b.want(200, "GET", contactsPath+"/imports/"+job, "").field("results", "errored_count"), "1")
		id := b.contact("a@example.com").ID
		for range 2 { // the second takes the last identifier
			b.want(202, "DELETE", contactsPath+"/"+id+"/identifiers", `{"identifier_type":"EMAIL","identifier_value":"A@example.com"}`)
			b.want(202, "DELETE", contactsPath+"/"+id+"/identifiers", `{"identifier_type":"EXTERNALID","identifier_value":"7"}`)
			b.applied()
		}
		b.equal("left", b.want(200, "GET", contactsPath+"/"+id, "").field("external_id"), "7")
	})
}

func TestThePlanLimitShowsInTheJob(t *testing.T) {
	for _, paid := range []bool{false, true} {
		inBubble(t, Options{PlanLimit: 1, PlanPaid: paid}, func(b *bench) {
			job := b.put(`{"email":"a@example.com"}`, `{"email":"b@example.com"}`)
			time.Sleep(5 * time.Minute)
			want := map[bool][2]string{false: {"failed", "1"}, true: {"completed", "2"}}[paid]
			b.equal("status", b.want(200, "GET", contactsPath+"/imports/"+job, "").field("status"), want[0])
			b.equal("contacts", b.want(200, "GET", contactsPath+"/count", "").field("contact_count"), want[1])
		})
	}
}
