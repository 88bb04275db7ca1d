package sendgrid_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/mapping"
	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// mapped is what a profile's attributes become as a contact of an upsert.
func mapped(t *testing.T, spec mapping.Spec, attributes string, clear uint64) (string, mapping.Result) {
	t.Helper()
	m, err := mapping.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	r := m.Map(nil, []byte(attributes))
	return string(m.AppendContact(nil, string(r.Email), r.Fields, clear)), r
}

// Ours and SendGrid's idea of the same address agree.
func TestRule03_AddressesAreTrimmedAndLowerCased(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		email, ok := contact.Normalize(nil, []byte(" \u00a0Ada.L@Example.COM\t"))
		if !ok || string(email) != "ada.l@example.com" {
			s.Fatalf("%q, %v", email, ok)
		}
		s.listed("Ada.L@Example.COM")
		found, err := s.Lookup(s.Context(), []string{string(email)})
		if err != nil || found[string(email)].ID == "" {
			s.Errorf("found %v, %v", found, err)
		}
	})
}

// What SendGrid would drop inside a job, or refuse a whole batch for, is found before.
func TestRule06_BadValuesAreFoundBeforeSending(t *testing.T) {
	spec := mapping.Default()
	spec.Fields = append(spec.Fields, mapping.Field{Name: "points", Attribute: "points", Custom: true, ID: "e1_N", Type: mapping.Number},
		mapping.Field{Name: "joined", Attribute: "joined", Custom: true, ID: "e2_D", Type: mapping.Date})
	for name, attributes := range map[string]string{
		"no e-mail": `{}`, "no @": `{"email":"ada"}`, "too long": `{"email":"` + strings.Repeat("x", 250) + `@example.com"}`,
		"long country": `{"email":"a@example.com","country":"` + strings.Repeat("x", 51) + `"}`,
		"no number":    `{"email":"a@example.com","points":"twelve"}`, "no date": `{"email":"a@example.com","joined":"AAAAA"}`,
		"an object": `{"email":"a@example.com","city":{}}`,
	} {
		if _, r := mapped(t, spec, attributes, 0); r.Reason == "" {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
	onStage(t, simulator.Options{}, func(s *stage) {
		for i, kind := range []string{"Number", "Date"} {
			spec.Fields[len(spec.Fields)-2+i].ID = s.sim.AddField(strings.ToLower(kind), kind)
		}
		good, r := mapped(s.T, spec, `{"email":"a@example.com","country":"`+strings.Repeat("x", 50)+`","points":"12.50","joined":"2026-11-01"}`, 0)
		if r.Reason != "" {
			s.Fatal(r.Detail)
		}
		job, err := s.Upsert(s.Context(), []byte(`{"contacts":[`+good+`]}`))
		if err != nil {
			s.Fatal(err)
		}
		time.Sleep(35 * time.Second)
		if j, err := s.Job(s.Context(), job); err != nil || j.Errored != 0 || j.Created != 1 {
			s.Errorf("job %+v, %v", j, err)
		}
	})
}

// A contact is its e-mail: no other identifier is ever sent, so that no update can lack one.
func TestRule12_TheEmailIsTheOnlyIdentifier(t *testing.T) {
	body, _ := mapped(t, mapping.Default(), `{"email":"a@example.com","external_id":"7","phone_number_id":"+44","anonymous_id":"x","city":"Rome"}`, 0)
	var keys map[string]any
	if err := json.Unmarshal([]byte(body), &keys); err != nil || len(keys) != 2 || keys["email"] != "a@example.com" || keys["city"] != "Rome" {
		t.Errorf("contact %s, %v", body, err)
	}
}

// Unknown is left out, "" clears texts alone, null is never sent.
func TestRule13_UnknownIsLeftOutAndEmptyClears(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		spec := mapping.Default()
		spec.Fields = append(spec.Fields, mapping.Field{Name: "points", Attribute: "points", Custom: true, ID: s.sim.AddField("points", "Number"), Type: mapping.Number})
		put := func(attributes string, clear uint64) {
			s.Helper()
			body, _ := mapped(s.T, spec, attributes, clear)
			if strings.Contains(body, "null") {
				s.Errorf("contact %s", body)
			}
			b := sendgrid.NewBatch([]string{s.list}, 10, 1000)
			defer b.Release()
			b.Add([]byte(body))
			if _, err := s.Upsert(s.Context(), b.Bytes()); err != nil {
				s.Fatal(err)
			}
			time.Sleep(30 * time.Second)
		}
		put(`{"email":"a@example.com","first_name":"Ada","city":"Rome","points":7}`, 0)
		put(`{"email":"a@example.com","first_name":null,"points":null}`, 0)
		put(`{"email":"a@example.com","city":null}`, ^uint64(0))
		s.sim.Contacts(s.list, func(c simulator.Contact) {
			if len(c.Fields) != 1 || c.Fields["points"] != "7" {
				s.Errorf("fields %v", c.Fields)
			}
		})
	})
}
