package pipeline

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/internal/sendgrid/simulator"
)

// The rules of docs/sendgrid.md that the pipeline keeps.

// acked notes what the source was told.
type acked struct {
	*fakeSource
	last atomic.Uint64
}

func (a *acked) Ack(_ context.Context, sequence uint64) error {
	a.last.Store(sequence)
	return nil
}

func TestRule11_EventsAreAcknowledgedLongBeforeTheirJobEnds(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		source := &acked{fakeSource: s.opts.Source.(*fakeSource)}
		s.opts.Source = source
		s.begin()
		s.all("a", "entered", numbered("p", 10))
		time.Sleep(time.Second)
		if n := source.last.Load(); n != s.last { // I1
			s.Errorf("acknowledged up to %d of %d", n, s.last)
		}
		if n := s.sim.Summary().Requests["PUT contacts"]; n != 0 {
			s.Errorf("%d upserts in the window", n)
		}
		s.quiet(10 * time.Minute)
	})
}

func TestRule17_WhoIsOffTheListAlreadyNeedsNoRemoval(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 3))
		s.quiet(10 * time.Minute)
		time.Sleep(10 * time.Minute)
		for _, e := range numbered("p", 3) {
			s.sim.Alter(e, s.list, false, nil)
		}
		s.all("a", "exited", numbered("p", 3))
		s.quiet(10 * time.Minute)
		if n := s.sim.Summary().Requests["DELETE lists/{id}/contacts"]; n != 0 {
			s.Errorf("%d removals", n)
		}
		if st := s.d.Stats(); st.Listed != 0 {
			s.Errorf("%d listed", st.Listed)
		}
	})
}

// I4: one contact comes and goes; no two of its jobs are ever open together.
func TestRule18_OppositeOperationsNeverOverlap(t *testing.T) {
	onScene(t, simulator.Options{Quirks: simulator.Quirks{AnyOrder: true}}, func(s *scene) {
		s.begin()
		for round := range 20 {
			s.all("a", [2]string{"entered", "exited"}[round%2], numbered("p", 1))
			time.Sleep(time.Duration(17*(round%5)+7) * time.Second)
		}
		s.all("a", "entered", numbered("p", 1))
		s.quiet(time.Hour)
		jobs := s.sim.Jobs()
		for i := 1; i < len(jobs); i++ {
			if jobs[i].Accepted.Before(jobs[i-1].Applied) {
				s.Errorf("a job was accepted %s before the one before was applied", jobs[i-1].Applied.Sub(jobs[i].Accepted))
			}
		}
		if len(jobs) < 5 || len(s.members()) != 1 {
			s.Errorf("%d jobs, %d on the list", len(jobs), len(s.members()))
		}
	})
}

func TestRule19_ARemovalIsLookedAtNotBefore35Seconds(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 3))
		s.quiet(10 * time.Minute)
		s.all("a", "exited", numbered("p", 3))
		s.quiet(10 * time.Minute)
		var removed, looked time.Time
		for _, r := range s.sim.Requests() {
			switch {
			case r.Route == "DELETE lists/{id}/contacts":
				removed = r.At
			case r.Route == "POST contacts/search/emails" && !removed.IsZero():
				looked = r.At
			}
		}
		if after := looked.Sub(removed); removed.IsZero() || after < 35*time.Second || after > time.Minute {
			s.Errorf("looked at %s after its acceptance", after)
		}
	})
}

// I5: SendGrid knows no cap; ours holds at every moment, also while answers are lost.
func TestRule22_TheCapHoldsAtSendGridItself(t *testing.T) {
	onScene(t, simulator.Options{Seed: 7}, func(s *scene) {
		s.opts.Policy.Cap = 50
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "lose", Share: 0.3, For: 1800}}})
		s.begin()
		s.all("a", "entered", numbered("p", 120))
		for left := 0; left < 60; left += 20 {
			time.Sleep(5 * time.Minute)
			s.all("a", "exited", numbered("p", left+20)[left:])
		}
		s.quiet(3 * time.Hour)
		n, most := 0, 0
		for _, h := range s.sim.History(s.list) {
			if n--; h.Added {
				n += 2
			}
			most = max(most, n)
		}
		if most > 50 || len(s.members()) != 50 {
			s.Errorf("at most %d were on the list, at the end %d", most, len(s.members()))
		}
	})
}
