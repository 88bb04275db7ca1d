package sendgrid_test

import (
	"slices"
	"testing"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// kelvin is a stranger's address: its first letter is the kelvin sign, whose lower case is the ASCII k.
const kelvin = "\u212aim@example.com"

func found(email string) *canned {
	return &canned{status: 200, body: `{"result":{"` + email + `":{"contact":{"id":"c-1","email":"` + email + `","list_ids":["l"]}}}}`}
}

// H40: a contact is ours if our rule makes its e-mail ours, and a stranger's spelling never does.
func TestRule16_ContactsAreComparedByTheRuleThatMakesIdentities(t *testing.T) {
	for _, c := range []struct {
		asked, shown string
		ours         bool
	}{
		{"zoë@example.com", "ZOË@example.com", true},
		{"kim@example.com", kelvin, false},
		{kelvin, "kim@example.com", true}, // what an earlier rule sent under it, and SendGrid lower-cased
		{"sam@example.com", "\u017fam@example.com", false},
	} {
		got, err := client(t, sendgrid.Options{Transport: found(c.shown)}).Lookup(t.Context(), []string{c.asked})
		if _, ok := got[c.asked]; err != nil || ok != c.ours {
			t.Errorf("asked for %q, shown %q: found %v, %v", c.asked, c.shown, got, err)
		}
	}
}

// Of the export of a list, of a job's error file and of a refusal the same rule tells who is meant.
func TestRule16_TheSameRuleReadsExportsErrorFilesAndRefusals(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		s.listed("zoë@example.com", "kim@example.com")
		export := client(t, sendgrid.Options{Transport: s.sim, ExportFrom: 1})
		got, err := export.Resolve(s.Context(), s.list, []string{"zoë@example.com", "kim@example.com"})
		if err != nil || len(got) != 2 || got["zoë@example.com"].ID == "" {
			s.Errorf("the export shows %v, %v", got, err)
		}
	})
	for body, want := range map[string]string{
		"email,reason\nZOË@example.com,bad\n": "zoë@example.com",
		"email,reason\n" + kelvin + ",bad\n":  kelvin,
		`{"email":" A@b.com ","error":"bad"}`: "a@b.com",
	} {
		c := &canned{status: 200, body: body}
		named, err := client(t, sendgrid.Options{Transport: c}).JobErrors(t.Context(), "http://files.test/x")
		if err != nil || !slices.Equal(named, []sendgrid.JobError{{Email: want, Message: "bad"}}) {
			t.Errorf("%q names %q, %v", body, named, err)
		}
	}
	refusal := &canned{status: 400, body: `{"errors":[{"message":"email '` + kelvin + `' is not valid"}]}`}
	_, err := client(t, sendgrid.Options{Transport: refusal}).Upsert(t.Context(), []byte(`{}`))
	refused, _ := sendgrid.Narrow(2, func(i int) string { return []string{"ada@example.com", "kim@example.com"}[i] }, failure(t, err), false)
	if len(refused) != 0 {
		t.Errorf("a refusal of a stranger's spelling refuses %v", refused)
	}
}

// A suppression is a stranger's if its spelling is.
func TestASuppressionIsOfTheSameSpelling(t *testing.T) {
	for answer, want := range map[string]bool{"KIM@example.com": true, kelvin: false, "": false} {
		c := &canned{status: 200, body: `{"recipient_email":"` + answer + `"}`}
		if got, err := client(t, sendgrid.Options{Transport: c}).Suppressed(t.Context(), "kim@example.com"); err != nil || got != want {
			t.Errorf("%q: suppressed %v, %v", answer, got, err)
		}
	}
}
