package pipeline

import (
	"strings"
	"testing"
	"time"

	"rollcall/internal/sendgrid/simulator"
)

// accounts counts everybody in the account.
func (s *scene) account() (n int) {
	s.sim.Contacts("", func(simulator.Contact) { n++ })
	return n
}

// H31: an address that SendGrid calls malformed, and that no job of ours can have added, is absent: neither its own
// erasure nor another one waits for it.
func TestAMalformedAddressKeepsNoErasureOpen(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.opts.Purger = &purges{w: s.world}
		s.begin()
		s.all("a", "entered", numbered("p", 2))
		s.quiet(10 * time.Minute)
		s.erase("p0", "a..b@example.com")
		s.erase("p1")
		time.Sleep(15 * time.Minute)
		if n := len(s.seen().proofs()); n != 2 || s.account() != 0 {
			s.Errorf("%d of 2 proofs, %d left in the account", n, s.account())
		}
	})
}

// H31: contacts that a job of ours put on the list, and whose look-ups SendGrid refuses, are removed and erased by what an
// export tells; until one does they keep their slots.
func TestContactsWhoseLookUpsAreRefusedAreSettledByAnExport(t *testing.T) {
	onScene(t, simulator.Options{Seed: 4}, func(s *scene) {
		s.opts.Purger = &purges{w: s.world}
		s.opts.Hash = func([]byte) string { return "hash" }
		s.begin()
		s.all("a", "entered", numbered("p", 20))
		s.quiet(10 * time.Minute)
		s.plan(simulator.Plan{Faults: []simulator.Fault{
			{Kind: "unsearchable", Share: 0.5}, {Kind: "status", Status: 503, Route: "POST contacts/exports"},
		}})
		s.all("a", "exited", numbered("p", 18))
		s.erase("p18")
		s.erase("p19")
		time.Sleep(30 * time.Minute)
		left := len(s.members())
		if st := s.d.Stats(); left == 0 || left == 20 || st.Slots < left {
			s.Errorf("without exports %d are on the list, and hold %d slots", left, st.Slots)
		}
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "unsearchable", Share: 0.5}}})
		s.quiet(60 * time.Minute)
		time.Sleep(5 * time.Minute)
		if n := len(s.seen().proofs()); n != 2 || len(s.members()) != 0 || s.account() != 18 {
			s.Errorf("%d of 2 proofs, on the list %v, %d in the account", n, s.members(), s.account())
		}
		said := s.logs.FilterMessageSnippet("refuses to look up").Len()
		if said == 0 {
			s.Error("nobody is told")
		}
		for _, line := range s.logs.All() {
			if strings.Contains(line.Message, "@") {
				s.Errorf("a log line names somebody: %s", line.Message) // I12
			}
		}
	})
}

// H31: whoever is in doubt beside a contact whose look-up is refused is settled at once after the horizon, and that
// contact by an export.
func TestADoubtIsSettledBesideAContactWhoseLookUpIsRefused(t *testing.T) {
	onScene(t, simulator.Options{Seed: 4}, func(s *scene) {
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "unsearchable", Share: 0.1}, {Kind: "lose", Route: "PUT contacts", Count: 1}}})
		s.begin()
		s.all("a", "entered", numbered("p", 51))
		time.Sleep(time.Minute)
		s.all("a", "exited", numbered("p", 51)) // so that no repeat of the same content confirms it
		s.quiet(30 * time.Minute)
		if on := s.members(); len(on) != 0 {
			s.Errorf("on the list: %v", on)
		}
	})
}

// H15: that another destination of the account has deleted a contact does not stand for the deletion of our own erasure: we may
// have added the contact since.
func TestARecheckDoesNotStandForOurOwnDeletion(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.opts.Purger = &purges{w: s.world}
		s.begin()
		s.all("a", "entered", numbered("p", 1))
		s.quiet(10 * time.Minute)
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "status", Status: 503, Route: "POST contacts/search/emails", For: 60}}})
		s.erase("p0")
		time.Sleep(time.Second)
		for range 50 {
			if s.d.Recheck(s.Context(), numbered("p", 1)) == nil {
				break
			}
			time.Sleep(time.Second)
		}
		time.Sleep(20 * time.Minute)
		if n := len(s.seen().proofs()); n != 1 || s.account() != 0 {
			s.Errorf("%d proofs, and %d contacts in the account", n, s.account())
		}
	})
}
