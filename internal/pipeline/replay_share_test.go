package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/state"
)

// trickle lets one contact of segment a after the other change every few seconds for a while, and returns how long
// it took until SendGrid had each change, the shortest first.
func (s *scene) trickle(d time.Duration, every int) []time.Duration {
	s.Helper()
	begun := time.Now()
	asked := map[string]time.Time{} // by the value that is to come
	var lags []time.Duration
	for n := 0; time.Since(begun) < d || len(asked) > 0; n++ {
		if time.Since(begun) < d && n%every == 0 {
			value := fmt.Sprintf("Ada %d %d", begun.Unix(), n)
			asked[value] = time.Now()
			s.publish("a", fmt.Sprintf("live%02d", n/every%60), "entered", fmt.Sprintf(`{"email":"live%02d@example.com","first_name":%q}`, n/every%60, value))
		}
		time.Sleep(time.Second)
		s.sim.Contacts(s.list, func(c simulator.Contact) {
			name := fmt.Sprint(c.Fields["first_name"])
			if at, ok := asked[name]; ok {
				lags = append(lags, time.Since(at))
				delete(asked, name)
			}
		})
		if time.Since(begun) > d+time.Hour {
			s.Fatalf("%d live changes are never applied", len(asked))
		}
	}
	slices.Sort(lags)
	return lags
}

// Issue: a replay keeps to its share of the rate budget where requests are scarce, has it though live traffic takes
// the rest, and live changes of contacts that it does not touch keep their lag.
func TestAReplayKeepsToItsShareAndLiveChangesKeepTheirLag(t *testing.T) {
	onScene(t, simulator.Options{Limit: 10}, func(s *scene) {
		s.opts.ReplayShare, s.opts.Batch.MaxContacts = 0.2, 5
		s.begin()
		usual := s.trickle(10*time.Minute, 8)
		s.all("b", "entered", numbered("r", 60))
		s.quiet(time.Hour)
		const requests = 12
		replay := record.Replay{Segment: "b", Force: true, Share: 0.2}
		o := s.opts
		o.Policy.Scale = 1
		plan := s.rehearseWith(o, replay)
		if plan.Requests["upsert"] != requests {
			s.Fatalf("planned %+v", plan)
		}
		s.replays(s.d, replay)
		beside := s.trickle(10*time.Minute, 8)
		s.untilDone(s.d)
		out := s.outcome(s.d)
		if out.Requests["upsert"] != requests || out.Upserts != 60 {
			s.Errorf("planned %+v, happened %+v", plan, out)
		}
		if least := float64(requests/2-2) * 60; out.Seconds < least || out.Seconds > 3*least {
			s.Errorf("two requests a minute take %.0f s at least, it took %.0f", least, out.Seconds)
		}
		for _, at := range []int{len(usual) / 2, len(usual) * 99 / 100} {
			if len(beside) != len(usual) || beside[at] > 2*usual[at] {
				s.Errorf("of %d live changes the %d. takes %s beside a replay, %s without", len(usual), at, beside[at], usual[at])
			}
		}
		s.Logf("live changes usually take %s (median) and %s (most), beside the replay %s and %s; it took %.0f s",
			usual[len(usual)/2], usual[len(usual)-1], beside[len(beside)/2], beside[len(beside)-1], out.Seconds)
		if n := s.limitedRequests(); n > 0 {
			s.Errorf("%d requests beyond the rate", n)
		}
		s.quiet(time.Hour)
	})
}

// Contract, replay_share: what a back-fill sends keeps to it as well, and the fields of those that it has touched are
// not kept (I11).
func TestABackFillKeepsToTheShare(t *testing.T) {
	onScene(t, simulator.Options{Limit: 10}, func(s *scene) {
		s.opts.ReplayShare, s.opts.Batch.MaxContacts = 0.2, 5
		s.begin()
		s.all("a", "entered", numbered("p", 60))
		s.quiet(time.Hour)
		if err := s.stop(); err != nil {
			s.Fatal(err)
		}
		s.opts.Mapping.Fields = slices.DeleteFunc(slices.Clone(s.opts.Mapping.Fields), func(f mapping.Field) bool { return f.Name == "country" })
		s.opts.Binding.Mapping = "changed"
		s.opts.Journal, s.opts.Source = &fakeJournal{world: s.world}, &fakeSource{world: s.world}
		time.Sleep(2 * time.Minute)
		before := s.sim.Summary().Requests["PUT contacts"]
		s.begin()
		for range 4 {
			time.Sleep(time.Minute)
			now := s.sim.Summary().Requests["PUT contacts"]
			if n := now - before; n > 4 || n == 0 { // two a window, and a minute of ours touches two of them
				s.Errorf("the back-fill made %d requests in a minute", n)
			}
			before = now
		}
		if err := s.d.Ask(s.Context(), func(state *state.State) {
			kept := 0
			for _, h := range state.Dirty.Rows.Handles() {
				if state.Dirty.Rows.Get(h).Fields != 0 {
					kept++
				}
			}
			if kept > (bulkBatches+1)*5 || state.Bulk.PendingRelease.Len() == 0 {
				s.Errorf("the fields of %d contacts are kept, %d are not due yet", kept, state.Bulk.PendingRelease.Len())
			}
		}); err != nil {
			s.Error(err)
		}
		s.quiet(time.Hour)
		if st := s.d.Stats(); st.Listed != 60 {
			s.Errorf("%+v", st)
		}
	})
}
