package pipeline

import (
	"context"
	"testing"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// The stories of docs/hazards.md that are about SendGrid, each told against the simulator.

// raw upserts JSON contacts as a stranger to Rollcall would.
func (s *scene) raw(contacts ...string) {
	s.Helper()
	b := sendgrid.NewBatch(nil, 100, 100000)
	defer b.Release()
	for _, c := range contacts {
		b.Add([]byte(c))
	}
	if _, err := s.opts.Sender.Upsert(s.Context(), b.Bytes()); err != nil {
		s.Fatal(err)
	}
}

// H1: an add's answer is lost; it is sent again and applied, the person leaves, and the first add is applied last.
func TestH1_AnAddWithoutAnswerThatIsAppliedLateBringsNobodyBack(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.plan(simulator.Plan{Faults: []simulator.Fault{
			{Kind: "lose", Route: "PUT contacts", Count: 1}, {Kind: "late", Delay: 240, Count: 1},
		}})
		s.begin()
		s.all("a", "entered", numbered("p", 1))
		time.Sleep(2 * time.Minute)
		s.all("a", "exited", numbered("p", 1))
		s.quiet(30 * time.Minute)
		time.Sleep(30 * time.Minute)
		if on := s.members(); len(on) != 0 {
			s.Error("who left is on the list again")
		}
		if n := s.sim.Summary().Requests["PUT contacts"]; n < 2 {
			s.Errorf("%d upserts: the story was not played", n)
		}
	})
}

// H7: a listed contact's update fails in its job, because others gave it another identifier. It is still listed, and is taken off when it leaves.
func TestH7_AListedContactWhoseUpdateFailsIsStillTakenOff(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 2))
		s.quiet(10 * time.Minute)
		s.raw(`{"email":"p0@example.com","external_id":"7"}`)
		time.Sleep(time.Minute)
		s.publish("a", "p0", "entered", `{"email":"p0@example.com","first_name":"Augusta"}`)
		s.quiet(10 * time.Minute)
		if st := s.d.Stats(); st.Listed != 2 || st.RefusedNow != 1 {
			s.Errorf("%d listed, %d refused", st.Listed, st.RefusedNow)
		}
		if len(s.letters) != 1 || s.letters[0].Reason != "other_identifier" {
			s.Errorf("letters: %+v", s.letters)
		}
		s.all("a", "exited", numbered("p", 1))
		s.quiet(20 * time.Minute)
		if on := s.members(); len(on) != 1 || on["p0@example.com"] {
			s.Error("who left is still on the list")
		}
	})
}

// H7: an add that its job refuses gives its slot back to the next in line.
func TestH7_ARefusedAddGivesItsSlotBack(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.raw(`{"email":"p0@example.com","external_id":"7"}`)
		time.Sleep(time.Minute)
		s.opts.Policy.Cap = 1
		s.begin()
		s.all("a", "entered", numbered("p", 2))
		s.quiet(20 * time.Minute)
		if on := s.members(); len(on) != 1 || !on["p1@example.com"] {
			s.Errorf("on the list: %v", on)
		}
		if st := s.d.Stats(); st.Slots != 1 || st.Waiting != 0 || st.RefusedNow != 1 {
			s.Errorf("%d slots, %d wait, %d refused", st.Slots, st.Waiting, st.RefusedNow)
		}
	})
}

// finder lets a test change what look-ups show.
type finder struct {
	*sendgrid.Account
	change func(map[string]sendgrid.Found) (map[string]sendgrid.Found, error)
}

func (f *finder) Lookup(ctx context.Context, emails []string) (map[string]sendgrid.Found, error) {
	found, err := f.Account.Lookup(ctx, emails)
	if err != nil {
		return nil, err
	}
	return f.change(found)
}

// H8: search does not show a contact for two minutes after it was applied. Its removal waits, its slot stays taken, and the cap holds.
func TestH8_WhoIsNotFoundYetIsNotGone(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		var blind time.Time
		s.opts.Finder = &finder{s.opts.Finder.(*sendgrid.Account), func(found map[string]sendgrid.Found) (map[string]sendgrid.Found, error) {
			if time.Now().Before(blind) {
				return nil, nil
			}
			return found, nil
		}}
		s.opts.Policy.Cap = 1
		s.begin()
		s.all("a", "entered", numbered("p", 2)) // p1 waits
		time.Sleep(45 * time.Second)
		blind = time.Now().Add(2 * time.Minute)
		s.all("a", "exited", numbered("p", 1))
		time.Sleep(100 * time.Second)
		if st := s.d.Stats(); st.Listed != 1 || st.Waiting != 1 {
			s.Errorf("%d listed, %d wait: the slot was given away", st.Listed, st.Waiting)
		}
		s.quiet(20 * time.Minute)
		if on := s.members(); len(on) != 1 || !on["p1@example.com"] {
			s.Errorf("on the list: %v", on)
		}
		n, most := 0, 0
		for _, h := range s.sim.History(s.list) {
			if n--; h.Added {
				n += 2
			}
			most = max(most, n)
		}
		if most > 1 { // I5
			s.Errorf("%d were on the list at once", most)
		}
	})
}

// H8: a gateway's page says nothing of contacts, whatever its status.
func TestH8_AGatewaysPageConfirmsNothing(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 10))
		s.quiet(10 * time.Minute)
		time.Sleep(10 * time.Minute) // beyond the horizon: not found would be gone
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "html", Status: 404, Route: "POST contacts/search/emails"}}})
		s.all("a", "exited", numbered("p", 10))
		time.Sleep(20 * time.Minute)
		if st := s.d.Stats(); st.Listed != 10 || st.Suspended != "" {
			s.Errorf("%d listed, suspended %q", st.Listed, st.Suspended)
		}
		s.plan(simulator.Plan{})
		s.quiet(20 * time.Minute)
		if on := s.members(); len(on) != 0 {
			s.Errorf("%d are still listed", len(on))
		}
	})
}

// H8: a look-up also matches strangers' alternate addresses; they are left alone.
func TestH8_AStrangerWithOurAddressAsAnAlternateIsLeftAlone(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 1))
		s.quiet(10 * time.Minute)
		found, err := s.opts.Finder.Lookup(s.Context(), numbered("p", 1))
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.opts.Sender.DeleteContacts(s.Context(), []string{found["p0@example.com"].ID}); err != nil {
			s.Fatal(err)
		}
		s.raw(`{"email":"stranger@example.com","alternate_emails":["p0@example.com"]}`)
		time.Sleep(10 * time.Minute)
		s.sim.Alter("stranger@example.com", s.list, true, nil)
		s.all("a", "exited", numbered("p", 1))
		s.quiet(20 * time.Minute)
		if on := s.members(); len(on) != 1 || !on["stranger@example.com"] {
			s.Errorf("on the list: %v", on)
		}
	})
}

// H9: a hundred removals are accepted, and one of them is never done. Every e-mail is looked at, and that one is removed again.
func TestH9_EveryRemovalIsLookedAt(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 100))
		s.quiet(10 * time.Minute)
		time.Sleep(10 * time.Minute)
		s.all("a", "exited", numbered("p", 100))
		for len(s.members()) > 0 {
			time.Sleep(time.Second)
		}
		s.sim.Alter("p57@example.com", s.list, true, nil)
		time.Sleep(time.Minute)
		if st := s.d.Stats(); st.Listed != 1 || st.Slots != 1 || st.OnTheWay != 1 {
			s.Errorf("%d listed, %d slots, %d on the way", st.Listed, st.Slots, st.OnTheWay)
		}
		s.quiet(30 * time.Minute)
		if on := s.members(); len(on) != 0 {
			s.Error("the contact that was not removed is still there")
		}
		if n := s.sim.Summary().Requests["DELETE lists/{id}/contacts"]; n != 2 {
			s.Errorf("%d removals, want 2", n)
		}
	})
}

// H9: removals that SendGrid accepts and never does are repeated, with longer and longer rests.
func TestH9_RemovalsWithoutEffectBackOff(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 10))
		s.quiet(10 * time.Minute)
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "never"}}})
		s.all("a", "exited", numbered("p", 10))
		time.Sleep(6 * time.Hour)
		n := s.sim.Summary().Requests["DELETE lists/{id}/contacts"]
		s.Logf("%d removals without effect in six hours", n)
		if st := s.d.Stats(); st.Listed != 10 || n < 5 || n > 30 {
			s.Errorf("%d listed, %d removals", st.Listed, n)
		}
		s.plan(simulator.Plan{})
		s.quiet(2 * time.Hour)
		if on := s.members(); len(on) != 0 {
			s.Errorf("%d are still listed", len(on))
		}
	})
}

// H18: a job that never ends, that nobody knows, or that ends with errors which name nobody is settled by look-up:
// who is as asked is listed, and the others are refused after a few tries, not blocked for ever.
func TestH18_JobsThatTellNothingAreSettledByLookUp(t *testing.T) {
	for name, fault := range map[string]simulator.Fault{
		"pending for ever": {Kind: "pending"},
		"unknown":          {Kind: "unknown", Delay: 86400},
		"never applied":    {Kind: "never", Count: 1},
		"ended too early":  {Kind: "early", Count: 1},
	} {
		t.Run(name, func(t *testing.T) {
			onScene(t, simulator.Options{}, func(s *scene) {
				s.plan(simulator.Plan{Faults: []simulator.Fault{fault}})
				s.begin()
				s.all("a", "entered", numbered("p", 250))
				s.quiet(time.Hour)
				if st := s.d.Stats(); st.Listed != 250 || len(s.members()) != 250 || len(s.letters) != 0 {
					s.Errorf("%d listed of %d, %d letters", st.Listed, len(s.members()), len(s.letters))
				}
				s.plan(simulator.Plan{})
				s.all("a", "exited", numbered("p", 250))
				s.quiet(time.Hour)
				if on := s.members(); len(on) != 0 {
					s.Errorf("%d are still listed", len(on))
				}
			})
		})
	}
}

// H18: the errors file names nobody. The good are applied by the first job, the bad one is refused with its letter after three more.
func TestH18_AnErrorsFileWithoutNamesRefusesOnlyTheBad(t *testing.T) {
	onScene(t, simulator.Options{Quirks: simulator.Quirks{Anonymous: true}}, func(s *scene) {
		s.raw(`{"email":"p7@example.com","external_id":"7"}`)
		time.Sleep(time.Minute)
		s.begin()
		s.all("a", "entered", numbered("p", 100))
		s.quiet(2 * time.Hour)
		if st := s.d.Stats(); st.Listed != 99 || st.RefusedNow != 1 || st.Slots != 99 {
			s.Errorf("%d listed, %d refused, %d slots", st.Listed, st.RefusedNow, st.Slots)
		}
		if len(s.letters) != 1 {
			s.Errorf("%d letters", len(s.letters))
		}
		sum := s.sim.Summary()
		if n := sum.Requests["PUT contacts"]; n != 1+4 || sum.Upserted != 1+100+3 {
			s.Errorf("%d upserts of %d contacts: the good were sent again", n, sum.Upserted)
		}
		if on := s.members(); len(on) != 99 {
			s.Errorf("%d on the list", len(on))
		}
	})
}

// More than the ids of a batch settled at once: 12,000 contacts whose job is unknown are settled by one export.
func TestThousandsWhoseJobIsUnknownAreSettledByAnExport(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "unknown", Delay: 86400}}})
		s.begin()
		s.all("a", "entered", numbered("p", 12000))
		s.quiet(time.Hour)
		sum := s.sim.Summary()
		if st := s.d.Stats(); st.Listed != 12000 || sum.Upserted != 12000 {
			s.Errorf("%d listed, %d sent", st.Listed, sum.Upserted)
		}
		if sum.Requests["POST contacts/exports"] != 1 || sum.Requests["POST contacts/search/emails"] != 0 {
			s.Errorf("requests %v", sum.Requests)
		}
	})
}
