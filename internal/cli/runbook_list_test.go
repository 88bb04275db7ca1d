package cli

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/sendgrid/simulator"
)

// named shows who is on a list, by first name.
func named(sim *simulator.Simulator, list string) []string {
	var all []string
	sim.Contacts(list, func(c simulator.Contact) { all = append(all, strings.Split(c.Email, "@")[0]) })
	slices.Sort(all)
	return all
}

// judged waits until nobody of a destination is too fresh for verify.
func (s *system) judged(destination string) {
	s.t.Helper()
	s.until("old enough to be judged", func() bool {
		var a verifyAnswer
		_, out, _ := s.run("verify", destination, "--json")
		return json.Unmarshal([]byte(out), &a) == nil && a.Pending == 0
	})
}

func TestRunbookTheListWasEmptiedByHand(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("Somebody edited or emptied the list by hand")
	s.consume()
	s.enter("Ada", "Grace", "Alan")
	s.settled(3)
	s.judged("newsletter")
	for _, name := range []string{"ada", "grace", "alan"} {
		s.sim.Alter(name+"@example.com", s.list, false, nil)
	}
	s.judged("newsletter")
	p.plays(No, "consumer verify newsletter")
	p.play("consumer explain newsletter ada@example.com --live")
	s.judged("newsletter")
	p.play("consumer verify newsletter --repair --comment 'emptied by hand'")
	s.until("repaired", func() bool { return slices.Equal(named(s.sim, s.list), []string{"ada", "alan", "grace"}) })
	s.settled(3)
	p.play("consumer status newsletter")
	s.judged("newsletter")
	p.play("consumer verify newsletter")
}

func TestRunbookANewDestination(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("A new destination")
	p.play("consumer check")
	p.happens("consumer run is started")
	s.consume()
	s.enter("Ada", "Grace")
	s.settled(2)
	p.play("consumer status newsletter")
	s.judged("newsletter")
	p.play("consumer verify newsletter")
}

func TestRunbookWeComeFromAnotherConnector(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{guard: "{interval: 1h, min_removals: 1, max_removal_share: 0.1}"})
	p := s.situation("We come from another connector")
	for _, name := range []string{"ada", "grace", "alan", "edsger"} {
		s.sim.Alter(name+"@example.com", s.list, true, map[string]string{"first_name": "Old"})
	}
	s.consume()
	s.enter("Ada", "Grace")
	s.settled(2)
	s.judged("newsletter")
	p.play("consumer verify newsletter")
	s.judged("newsletter")
	p.play("consumer verify newsletter --adopt --comment 'from another connector'")
	s.until("the guard holds one", func() bool { a := s.status(); return a.HeldRemovals == 1 && owesNothing(a) })
	p.play("consumer status newsletter")
	p.play("consumer approve newsletter --comment 'nobody selects them any more'")
	s.settled(2)
	s.judged("newsletter")
	p.play("consumer verify newsletter")
	if got := named(s.sim, s.list); !slices.Equal(got, []string{"ada", "grace"}) {
		t.Errorf("%d contacts on the list", len(got))
	}
}

func TestRunbookEverythingIsExportedAgain(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("Everything is to be exported again")
	s.consume()
	s.enter("Ada", "Grace", "Alan")
	s.settled(3)
	s.event("high-value", "alan", "")
	s.settled(2)
	p.play("consumer replay newsletter --dry-run")
	p.play("consumer replay newsletter --from-sequence 1 --force --comment 'export on demand'")
	s.until("the receipt", func() bool { return strings.Contains(s.must("receipts", "newsletter", "--kind", "replay"), "replay") })
	s.settled(2)
	p.play("consumer receipts newsletter --kind replay")
	s.judged("newsletter")
	p.play("consumer verify newsletter")
}

// A list in another account is a new destination, beside the old one until that is taken out and emptied. Foreign
// members of the old list stay.
func TestRunbookTheListMovesToAnotherAccount(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("The list moves to another account")
	other := simulator.New(simulator.Options{Keys: []string{simulatedKey}, ClockScale: 600, Seed: 2})
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	moved := other.AddList("", "Newsletter")
	s.sim.Alter("stranger@example.com", s.list, true, nil)
	s.consume()
	s.enter("Ada", "Grace")
	s.settled(2)
	account := fmt.Sprintf("destinations:\n  - {id: newsletter-eu, name: \"Newsletter, EU account\", owner: crm team, account: acme-eu, list_id: %s, "+
		"segments: [high-value, newsletter-optin], consent: {accepted_by: dpo, accepted_on: 2026-11-01}, profile_cap: 1000, debounce: {quiet: 50ms, max_wait: 200ms}}\n", moved)
	s.stop()
	s.edit("destinations:\n", fmt.Sprintf("  - {id: acme-eu, base_url: %q, api_key: \"${KEY}\", clock_scale: 600, profile_cap: 5000, request_timeout: 2s}\n", server.URL)+account)
	p.happens("account acme-eu, and a destination newsletter-eu with its list, are added to the file")
	p.play("consumer check")
	p.happens("consumer run is started again")
	s.consume()
	s.until("the new list is complete", func() bool {
		var a statusAnswer
		s.json(&a, "status", "newsletter-eu")
		return a.Destinations[0].Listed == 2 && owesNothing(a.Destinations[0]) && owesNothing(s.status())
	})
	p.play("consumer status")
	s.judged("newsletter-eu")
	p.play("consumer verify newsletter-eu")
	p.cut()
	s.stop()
	s.dropNewsletter()
	p.happens("newsletter is taken out of destinations, and consumer run is started again")
	s.consumeAs("newsletter-eu")
	s.until("nobody runs the old one", func() bool {
		var a statusAnswer
		s.json(&a, "status")
		return len(a.Destinations) == 2 && a.Destinations[1].State == "orphaned" && owesNothing(a.Destinations[0])
	})
	p.play("consumer status")
	p.play("consumer remove newsletter --contacts --account acme --comment 'moved to acme-eu'")
	if got := named(s.sim, s.list); !slices.Equal(got, []string{"stranger"}) {
		t.Errorf("%d contacts on the old list", len(got))
	}
	if got := named(other, moved); !slices.Equal(got, []string{"ada", "grace"}) {
		t.Errorf("%d contacts on the new list", len(got))
	}
}
