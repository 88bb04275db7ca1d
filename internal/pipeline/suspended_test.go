package pipeline

import (
	"context"
	"slices"
	"testing"
	"time"

	"rollcall/internal/sendgrid/simulator"
)

// A key that may read and not write suspends once: what ends a suspension is the answer to a small request of the kind that
// was refused, one contact at a time, and no reading that works.
func TestAMissingScopeSuspendsOnceUntilASmallRequestOfItsKindIsTaken(t *testing.T) {
	for route, leaving := range map[string]bool{"PUT contacts": false, "DELETE lists/{id}/contacts": true, "POST contacts/search/emails": true} {
		t.Run(route, func(t *testing.T) {
			onScene(t, simulator.Options{}, func(s *scene) {
				people := numbered("p", 20)
				s.begin()
				if leaving {
					s.all("a", "entered", people)
					s.quiet(10 * time.Minute)
				}
				s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "status", Status: 403, Route: route}}})
				change, most := "entered", 20
				if leaving {
					change, most = "exited", 0
				}
				s.all("a", change, people)
				s.during(route, 10*time.Minute, "forbidden", 60)
				if n, m := s.logged("suspended"), s.logged("resumed"); n != 1 || m != 0 {
					s.Errorf("suspended %d times, resumed %d times while the scope is missing", n, m)
				}
				s.plan(simulator.Plan{})
				s.quiet(10 * time.Minute)
				if n, m := s.logged("suspended"), s.logged("resumed"); n != 1 || m != 1 {
					s.Errorf("suspended %d times, resumed %d times", n, m)
				}
				if on := s.members(); len(on) != most || len(s.letters) != 0 {
					s.Errorf("%d are listed, %d letters", len(on), len(s.letters))
				}
			})
		})
	}
}

// The small request carries one contact, however many are due.
func TestASuspendedDestinationTriesWithOneContact(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		sizes := make(chan int, 100)
		s.opts.Sender = counting{s.opts.Sender, sizes}
		_ = s.stop()
		s.begin()
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "status", Status: 403, Route: "PUT contacts"}}})
		s.all("a", "entered", numbered("p", 500))
		time.Sleep(5 * time.Minute)
		close(sizes)
		var all []int
		for n := range sizes {
			all = append(all, n)
		}
		if len(all) < 8 || all[0] < 10_000 || slices.Max(all[1:]) > 200 {
			s.Errorf("bodies of %v bytes", all)
		}
		s.opts.Sender = s.opts.Sender.(counting).Sender
		_ = s.stop()
		s.plan(simulator.Plan{})
		s.begin()
		s.quiet(10 * time.Minute)
	})
}

// counting notes the size of each upsert.
type counting struct {
	Sender
	sizes chan int
}

func (c counting) Upsert(ctx context.Context, body []byte) (string, error) {
	c.sizes <- len(body)
	return c.Sender.Upsert(ctx, body)
}

// A suspended destination goes on with erasures, where its key works, and follows what it had sent before: an erasure in
// another destination of the account need not wait for it.
func TestASuspendedDestinationErasesAndKeepsNobodysErasureWaiting(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		people := numbered("p", 20)
		s.begin()
		s.all("a", "entered", people[:10])
		time.Sleep(10 * time.Second) // their job is under way
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "status", Status: 403, Route: "PUT contacts"}}})
		s.all("a", "entered", people[10:])
		s.during("a missing scope", 20*time.Second, "forbidden", 60)
		began := time.Now()
		for s.d.Recheck(s.Context(), people[:1]) != nil {
			if time.Sleep(5 * time.Second); time.Since(began) > 10*time.Minute {
				s.Fatal("the recheck of another's erasure is never done")
			}
		}
		s.erase("p5")
		time.Sleep(10 * time.Minute)
		if on := s.members(); on[people[5]] || len(on) != 9 {
			s.Errorf("%d are listed, the erased one: %v", len(on), on[people[5]])
		}
		if st := s.d.Stats(); st.Suspended != "forbidden" {
			s.Errorf("suspended %q after the erasure", st.Suspended)
		}
		s.plan(simulator.Plan{})
		s.quiet(10 * time.Minute)
		if on := s.members(); len(on) != 19 {
			s.Errorf("%d are listed", len(on))
		}
	})
}
