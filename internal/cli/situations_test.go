package cli

import (
	"slices"
	"strings"
	"testing"

	"rollcall/internal/segment"
)

// The key was revoked and put back: status says what helps, and nothing is lost.
func TestARevokedKeySuspendsAndResumesByCommand(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada")
	s.settled(1)
	s.sim.Revoke(true)
	s.enter("Grace")
	s.until("suspended", func() bool { return s.status().Reason == "key" })
	if a := s.status(); a.State != "suspended" || !strings.Contains(a.Next, "valid API key") || a.Cursor != 2 {
		t.Errorf("suspended: %+v", a)
	}
	s.sim.Revoke(false)
	s.must("resume", "newsletter", "--comment", "the key is back")
	s.settled(2)
}

// The account's plan is full: status says so and what to do, and who waits is added once there is room (I8).
func TestAFullPlanIsToldAndResumesByCommand(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{plan: 2})
	p := s.situation("The account's plan is full")
	s.consume()
	s.enter("Ada", "Grace")
	s.settled(2)
	if a := s.status(); a.PlanFull || a.Next != "" || strings.Contains(s.must("status"), "  plan ") {
		t.Errorf("full before anybody was turned away: %+v", a)
	}
	s.enter("Alan")
	s.until("a full plan", func() bool {
		a := s.status()
		return a.PlanFull && a.Listed == 2 && a.Waiting == 1 && a.Cursor == 3 && owesNothing(a)
	})
	p.play("consumer status newsletter")
	p.play("consumer waiting newsletter")
	if out := s.must("status", "--json"); !strings.Contains(out, `"plan_full": true`) {
		t.Errorf("JSON: %s", out)
	}
	erased := `{"specversion":"1.0","id":"erased","source":"/test","type":"rollcall.profile.erased.v1","data":{"profile_id":"ada","emails":["ada@example.com"]}}`
	if _, err := s.conn.JS.Publish(t.Context(), segment.ErasedSubject("ada"), []byte(erased)); err != nil {
		t.Fatal(err)
	}
	s.until("the account has room", func() bool { return !slices.Contains(s.onList(), "ada@example.com") })
	p.happens("contacts are deleted at SendGrid: the account has room")
	p.play("consumer resume newsletter --comment 'there is room'")
	s.until("Alan is added", func() bool {
		a := s.status()
		return !a.PlanFull && a.Next == "" && a.Listed == 2 && a.Waiting == 0 && owesNothing(a)
	})
	p.play("consumer status newsletter")
	if got := s.onList(); !slices.Equal(got, []string{"alan@example.com", "grace@example.com"}) {
		t.Errorf("%d contacts on the list, Alan among them: %v", len(got), slices.Contains(got, "alan@example.com"))
	}
}
