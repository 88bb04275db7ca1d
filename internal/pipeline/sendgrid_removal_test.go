package pipeline

import (
	"fmt"
	"testing"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d@example.com", prefix, i)
	}
	return out
}

// 20,000 exits: of contacts listed minutes ago, seconds ago, by somebody else, and never. The end is right, the
// ids come from an export and so does the confirmation, and nobody else's contact is touched (I6).
func TestTwentyThousandRemovals(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		ours, fresh := numbered("ours", 10000), numbered("fresh", 5000)
		strangers, never := numbered("stranger", 2500), numbered("never", 2500)
		for _, e := range strangers {
			s.sim.Alter(e, s.list, true, nil)
		}
		s.begin()
		s.all("a", "entered", ours)
		s.quiet(10 * time.Minute)
		time.Sleep(10 * time.Minute)
		s.all("a", "entered", fresh)
		time.Sleep(15 * time.Second) // accepted, and not applied
		if on := s.members(); len(on) != len(ours)+len(strangers) {
			s.Fatalf("%d are listed before the exits", len(on))
		}
		before := s.sim.Summary()
		for _, who := range [][]string{ours, fresh, strangers, never} {
			s.all("a", "exited", who)
		}
		took := s.quiet(time.Hour)
		sum := s.spent(before)
		s.Logf("%d requests for 20,000 exits, 15,000 of them removals, in %s", sum, took)
		on := s.members()
		for _, e := range strangers {
			if !on[e] {
				s.Fatal("somebody else's contact was removed")
			}
		}
		if len(on) != len(strangers) {
			s.Errorf("%d are listed, want %d", len(on), len(strangers))
		}
		for _, h := range s.sim.History(s.list) {
			if !h.Added && h.Email[:8] == "stranger" {
				s.Fatal("somebody else's contact was off the list for a while")
			}
		}
		if st := s.d.Stats(); st.Listed != 0 || st.Slots != 0 {
			s.Errorf("%d listed, %d slots", st.Listed, st.Slots)
		}
		if refused := s.limitedRequests(); refused != 0 {
			s.Errorf("%d requests were refused for their rate", refused)
		}
		if limit := 150 + 150 + 60; sum > limit { // a removal, and at most one look-up, a hundred
			s.Errorf("%d requests, want at most %d", sum, limit)
		}
	})
}

// Where the account cannot export, thousands are looked up a hundred at a time, within the rate budget.
func TestThousandsOfRemovalsWithoutAnExport(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		ours := numbered("ours", 6000)
		s.begin()
		s.all("a", "entered", ours)
		s.quiet(10 * time.Minute)
		if err := s.sim.SetFaults([]simulator.Fault{{Kind: "status", Status: 403, Route: "POST contacts/exports"}}); err != nil {
			s.Fatal(err)
		}
		before := s.sim.Summary()
		s.all("a", "exited", ours)
		s.quiet(time.Hour)
		s.Logf("%d requests for 6,000 removals", s.spent(before))
		if on := s.members(); len(on) != 0 {
			s.Errorf("%d are still listed", len(on))
		}
		if st := s.d.Stats(); st.Suspended != "" {
			s.Errorf("suspended: %s", st.Suspended)
		}
	})
}

// An id that SendGrid no longer has fails a whole removal: all of it is looked up again (rule 20).
func TestRule20_AStaleIDIsLookedUpAgain(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 3))
		s.quiet(10 * time.Minute)
		time.Sleep(10 * time.Minute)
		s.all("a", "exited", numbered("p", 1)) // its id is remembered
		s.quiet(10 * time.Minute)
		s.all("a", "entered", numbered("p", 1))
		s.quiet(10 * time.Minute)
		time.Sleep(10 * time.Minute)
		found, err := s.opts.Finder.Lookup(s.Context(), numbered("p", 1))
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.opts.Sender.DeleteContacts(s.Context(), []string{found["p0@example.com"].ID}); err != nil {
			s.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.sim.Alter("p0@example.com", s.list, true, nil) // made anew by hand: another id
		s.all("a", "exited", numbered("p", 3))
		s.quiet(20 * time.Minute)
		if on := s.members(); len(on) != 0 {
			s.Errorf("still listed: %v", on)
		}
		stale := 0
		for _, r := range s.sim.Requests() {
			if r.Route == "DELETE lists/{id}/contacts" && r.Status == 404 {
				stale++
			}
		}
		if stale != 1 {
			s.Errorf("%d removals failed for a stale id, want 1", stale)
		}
	})
}

// Ids are remembered while the destination runs: the second removal of a contact, long after its last add, needs no look-up before.
func TestIDsAreRemembered(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		var looks [2]int
		for round := range looks {
			s.all("a", "entered", numbered("p", 1))
			s.quiet(10 * time.Minute)
			time.Sleep(10 * time.Minute)
			before := s.sim.Summary().Requests["POST contacts/search/emails"]
			s.all("a", "exited", numbered("p", 1))
			s.quiet(20 * time.Minute)
			looks[round] = s.sim.Summary().Requests["POST contacts/search/emails"] - before
		}
		if looks != [2]int{2, 1} {
			s.Errorf("%v look-ups, want 2 and then 1", looks)
		}
	})
}

var _ interface {
	Sender
	Finder
	Prober
} = (*sendgrid.Account)(nil)
