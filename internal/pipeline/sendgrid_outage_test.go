package pipeline

import (
	"fmt"
	"testing"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/sendgrid/simulator"
)

// Story 16: four minutes of 500s, then 429s with and without headers, then a revoked key, then its repair: nothing is
// lost, few requests are made, the destination says why it is suspended, and resumes by itself.
func TestAnOutageOfEveryKindLosesNothing(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		emails := numbered("p", 500)
		s.begin()
		s.all("a", "entered", emails[:100])
		s.quiet(10 * time.Minute)
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "status", Status: 500}}})
		s.all("a", "entered", emails[100:])
		s.all("a", "exited", emails[:50])
		s.during("500s", 4*time.Minute, "", 60)
		if st := s.d.Stats(); st.Failing == "" || time.Since(time.UnixMilli(st.FailingSince)) < 3*time.Minute {
			s.Errorf("after four minutes of 500s the numbers say that SendGrid fails since %s: %q", time.UnixMilli(st.FailingSince), st.Failing)
		}
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "status", Status: 429}}})
		s.during("429s with headers", 2*time.Minute, "", 20)
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "empty429"}}})
		s.during("429s without headers", 2*time.Minute, "", 20)
		s.plan(simulator.Plan{Revoked: true})
		s.during("a revoked key", 10*time.Minute, "key", 60)
		if n := s.logged("suspended"); n != 1 {
			s.Errorf("the suspension was logged %d times", n)
		}
		s.plan(simulator.Plan{})
		took := s.quiet(20 * time.Minute)
		s.Logf("all was well %s after the key's repair", took)
		on := s.members()
		for i, e := range emails {
			if on[e] != (i >= 50) {
				s.Fatalf("contact %d: on the list %v", i, on[e])
			}
		}
		if st := s.d.Stats(); st.Failing != "" || st.Suspended != "" || st.Listed != 450 || len(s.letters) != 0 { // I10: an outage makes no dead letter
			s.Errorf("suspended %q, %d listed, %d letters", st.Suspended, st.Listed, len(s.letters))
		}
	})
}

func (s *scene) plan(p simulator.Plan) {
	s.Helper()
	if err := s.sim.SetPlan(p); err != nil {
		s.Fatal(err)
	}
}

// during lets a trouble last, counts the requests it saw, and looks at what the destination says at its end.
func (s *scene) during(what string, d time.Duration, suspended string, most int) {
	s.Helper()
	before := s.sim.Summary()
	time.Sleep(d)
	s.Logf("%s, %s:", what, d)
	if sum := s.spent(before); sum > most {
		s.Errorf("%s: %d requests in %s, want at most %d", what, sum, d, most)
	}
	if st := s.d.Stats(); st.Suspended != suspended {
		s.Errorf("%s: suspended %q, want %q", what, st.Suspended, suspended)
	}
}

// A scope that is taken away, a list that is gone, and an allow-list that keeps us out suspend too, and end when it holds again.
func TestRule26_EverySuspensionEndsByItself(t *testing.T) {
	for reason, c := range map[string]simulator.Plan{
		"key":       {Blocked: true},
		"forbidden": {Faults: []simulator.Fault{{Kind: "status", Status: 403}}},
		"list":      {Faults: []simulator.Fault{{Kind: "status", Status: 404}}},
	} {
		t.Run(reason, func(t *testing.T) {
			onScene(t, simulator.Options{}, func(s *scene) {
				s.begin()
				s.plan(c)
				s.all("a", "entered", numbered("p", 10))
				s.during(reason, 10*time.Minute, reason, 60)
				s.plan(simulator.Plan{})
				s.quiet(10 * time.Minute)
				if on := s.members(); len(on) != 10 || len(s.letters) != 0 {
					s.Errorf("%d are listed, %d letters", len(on), len(s.letters))
				}
			})
		})
	}
}

// I9, story 15: the destinations of an account share its budget in turns: a bulk load of one does not keep the other's
// few changes away.
func TestDestinationsOfAnAccountTakeTurns(t *testing.T) {
	onScene(t, simulator.Options{Limit: 20}, func(s *scene) {
		other := &scene{world: newWorld(t), T: t, sim: s.sim, list: s.sim.AddList("", "Other")}
		other.opts = s.opts
		o := other.options()
		other.opts.Destination, other.opts.Binding.List = "other", other.list
		other.opts.Journal, other.opts.Source, other.opts.Stream, other.opts.Letters = o.Journal, o.Source, o.Stream, o.Letters
		s.opts.Batch.MaxContacts = 10 // a hundred requests, of which 20 a minute are allowed
		s.begin()
		other.begin()
		defer func() { _ = other.stop() }()
		s.all("a", "entered", numbered("bulk", 1000))
		time.Sleep(30 * time.Second)
		other.all("a", "entered", []string{"one@example.com"})
		took := other.quiet(10 * time.Minute)
		if n := len(s.members()); n == 1000 {
			t.Error("the bulk load was over before")
		}
		if took > 3*time.Minute {
			t.Errorf("one change took %s beside a bulk load", took)
		}
		s.quiet(time.Hour)
		if refused := s.limitedRequests(); refused != 0 {
			t.Errorf("%d requests were refused for their rate", refused)
		}
	})
}

// The account's plan is full: who is not listed waits, no letter is written, and admission opens again when
// the account's count falls, or by an operator's word.
func TestAFullPlanClosesAdmissionUntilThereIsRoom(t *testing.T) {
	onScene(t, simulator.Options{PlanLimit: 100}, func(s *scene) {
		others := numbered("other", 40)
		for _, e := range others {
			s.sim.Alter(e, "", false, nil)
		}
		s.begin()
		s.all("a", "entered", numbered("p", 150))
		s.quiet(10 * time.Minute)
		full := func(listed, waiting int) {
			s.Helper()
			if st := s.d.Stats(); !st.Full || st.Listed != listed || st.Waiting != waiting || len(s.letters) != 0 || st.RefusedNow != 0 {
				s.Errorf("full %v, %d listed, %d wait, %d refused, %d letters", st.Full, st.Listed, st.Waiting, st.RefusedNow, len(s.letters))
			}
		}
		full(60, 90)
		before := s.sim.Summary().Requests["PUT contacts"]
		time.Sleep(20 * time.Minute)
		if n := s.sim.Summary().Requests["PUT contacts"] - before; n != 0 {
			s.Errorf("%d upserts while the account is full", n)
		}
		found, err := s.opts.Finder.Lookup(s.Context(), others[:30])
		if err != nil {
			s.Fatal(err)
		}
		var ids []string
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		if _, err := s.opts.Sender.DeleteContacts(s.Context(), ids); err != nil {
			s.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		full(90, 60)
		if err := s.d.Do(s.Context(), record.Command{Name: "resume"}); err != nil {
			s.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		full(90, 60)
		if n := s.logged("takes no more contacts"); n != 3 {
			s.Errorf("it was said %d times, want 3", n)
		}
		s.all("a", "exited", []string{"p0@example.com"}) // removals go on
		s.quiet(20 * time.Minute)
		if n := len(s.members()); n != 89 {
			s.Errorf("%d are listed", n)
		}
	})
}

// The same where the file of a job's errors names nobody.
func TestAFullPlanIsUnderstoodWithoutNames(t *testing.T) {
	onScene(t, simulator.Options{PlanLimit: 100, Quirks: simulator.Quirks{Anonymous: true}}, func(s *scene) {
		s.begin()
		s.all("a", "entered", numbered("p", 150))
		s.quiet(10 * time.Minute)
		if st := s.d.Stats(); !st.Full || st.Listed != 100 || st.Waiting != 50 || len(s.letters) != 0 {
			s.Errorf("full %v, %d listed, %d wait, %d letters", st.Full, st.Listed, st.Waiting, len(s.letters))
		}
	})
}

// I11: an outage that answers with 503 for hours, while everybody changes again and again, leaves in doubt what was under way
// when it began, and one contact a try: the others wait in their window, and go at full speed once one is taken.
func TestAnOutageOfHoursLeavesFewInDoubt(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.opts.Batch.MaxContacts = 20
		s.begin()
		s.plan(simulator.Plan{Faults: []simulator.Fault{{Kind: "status", Status: 503}}})
		for round := range 24 {
			for n := range 1000 {
				s.publish("a", fmt.Sprintf("p%d", n), "entered", fmt.Sprintf(`{"email":"p%d@example.com","first_name":"Ada %d"}`, n, round))
			}
			time.Sleep(5 * time.Minute)
		}
		if st := s.d.Stats(); st.InDoubt > maxUpserts*20+40 || st.Window+st.InDoubt != 1000 {
			s.Errorf("%d contacts are in doubt, %d in their window", st.InDoubt, st.Window)
		}
		if sum := s.sim.Summary().Requests["PUT contacts"]; sum > 180 {
			s.Errorf("%d upserts in two hours", sum)
		}
		s.plan(simulator.Plan{})
		time.Sleep(4 * time.Minute)
		if n := len(s.members()); n < 900 {
			s.Errorf("four minutes after the outage %d are listed", n)
		}
		s.quiet(20 * time.Minute)
		if n := len(s.members()); n != 1000 {
			s.Errorf("%d are listed", n)
		}
	})
}
