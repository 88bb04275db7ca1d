package cli

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/sendgrid/simulator"
)

// suppress lets an address unsubscribe from everything, as a person does.
func (s *system) suppress(email string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.base+"/v3/asm/suppressions/global",
		strings.NewReader(`{"recipient_emails":["`+email+`"]}`))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+simulatedKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		s.t.Fatalf("suppress: %s", answer.Status)
	}
}

func TestRunbookStatusSaysHowDestinationsStand(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{limit: 2})
	p := s.situation("Start here")
	s.consume()
	s.enter("Ada", "Grace", "Alan")
	s.event("high-value", "nobody", `{"first_name":"Nobody"}`)
	s.until("two listed, one waiting", func() bool {
		a := s.status()
		return a.Listed == 2 && a.Waiting == 1 && a.DeadLetters["no_email"] == 1 && owesNothing(a)
	})
	p.play("consumer status")
}

// Each way of being missed: unsubscribed, waiting, without a usable e-mail, left, and never heard of.
func TestRunbookAdaIsMissing(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{limit: 1})
	p := s.situation("Ada is missing")
	s.consume()
	s.enter("Ada")
	s.settled(1)
	s.suppress("ada@example.com")
	s.enter("Grace")
	s.event("newsletter-optin", "alan", `{"first_name":"Alan","email":"not an address"}`)
	s.enter("Edsger")
	s.until("Edsger waits too", func() bool { return s.status().Waiting == 2 }) // one entry that has both makes no contact
	s.event("high-value", "edsger", "")
	s.until("Grace waits", func() bool { a := s.status(); return a.Waiting == 1 && a.Cursor == 5 && owesNothing(a) })
	p.play("consumer explain newsletter ada@example.com --live")
	p.play("consumer explain newsletter grace@example.com")
	p.play("consumer explain newsletter alan")
	p.play("consumer explain newsletter edsger")
	p.plays(No, "consumer explain newsletter barbara@example.com --live")
}

// Each way of being there: still selected, put back by hand, and a foreign member.
func TestRunbookAdaShouldNotBeThere(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("Ada should not be there")
	s.consume()
	s.event("newsletter-optin", "ada", person("Ada"))
	s.enter("Ada", "Grace")
	s.settled(2)
	s.event("high-value", "ada", "")
	s.event("high-value", "grace", "")
	s.until("Grace left", func() bool { return slices.Equal(s.onList(), []string{"ada@example.com"}) })
	s.settled(1)
	s.sim.Alter("grace@example.com", s.list, true, nil)
	s.sim.Alter("barbara@example.com", s.list, true, nil)
	p.play("consumer explain newsletter ada@example.com --live")
	p.play("consumer explain newsletter grace@example.com --live")
	p.play("consumer explain newsletter barbara@example.com --live")
	p.cut()
	p.plays(No, "consumer verify newsletter --reveal")
	p.play("consumer verify newsletter --repair --comment 'Grace was put back by hand'")
	s.until("Grace is off the list again", func() bool {
		return slices.Equal(s.onList(), []string{"ada@example.com", "barbara@example.com"}) && owesNothing(s.status())
	})
	p.play("consumer explain newsletter grace@example.com --live")
	p.play("consumer ledger commands newsletter")
}

// An erasure is proven without naming anybody, explain finds nothing, and no replay revives the person.
func TestRunbookAPersonAsksForErasure(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("A person asks for erasure")
	s.consume()
	s.enter("Ada", "Grace")
	s.settled(2)
	p.play("publisher erase ada --email ada@example.com --email ada@old.example.com")
	s.until("proven", func() bool { return strings.Contains(s.must("receipts", "newsletter", "--kind", "erasure"), "erasure") })
	s.settled(1)
	p.play("consumer receipts newsletter --kind erasure")
	p.plays(No, "consumer explain newsletter ada@example.com --live")
	p.play("consumer explain newsletter ada")
	p.cut()
	p.play("consumer replay newsletter --from-sequence 1 --force --comment 'nobody comes back'")
	s.settled(1)
	p.plays(No, "consumer explain newsletter ada@example.com --live")
	if got := s.onList(); !slices.Equal(got, []string{"grace@example.com"}) {
		t.Errorf("%d contacts on the list", len(got))
	}
	s.sim.Contacts("", func(c simulator.Contact) {
		if strings.HasPrefix(c.Email, "ada@") {
			t.Error("the account still has her contact")
		}
	})
	if text := s.must("ledger", "dump", "newsletter", "--reveal"); strings.Contains(text, "ada@") {
		t.Error("the ledger still names her")
	}
}
