package cli

import (
	"slices"
	"strings"
	"testing"

	"rollcall/internal/segment"
)

// The stock connector's steps, in its order, with our commands.
func TestTheStockConnectorsStepsHaveCommands(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{limit: 2})
	s.start() // map, choose segments, save
	s.active()
	s.until("connect: the check passes", func() bool { status, _, _ := s.run("check"); return status == int(Done) })
	s.enter("Ada", "Grace", "Alan")
	s.must("flush", "newsletter", "--comment", "export now")
	s.until("two of three under the cap", func() bool { a := s.status(); return a.Listed == 2 && a.Waiting == 1 })
	if out := s.must("waiting", "newsletter"); !strings.Contains(out, "alan@example.com") {
		t.Errorf("waiting: %s", out)
	}
	s.until("nothing is left to send", func() bool { a := s.status(); return a.OnTheWay+a.Window == 0 })
	s.must("replay", "newsletter", "--from-sequence", "1", "--force", "--yes")
	s.until("exported again", func() bool { a := s.status(); return a.Replay.State == "done" && a.OnTheWay+a.Window == 0 })
	if got := s.onList(); !slices.Equal(got, []string{"ada@example.com", "grace@example.com"}) {
		t.Errorf("%d contacts on the list, the cap is 2", len(got))
	}
	s.stop()
	s.rename("other")
	s.must("remove", "newsletter", "--contacts", "--account", "acme", "--yes")
	if n := len(s.onList()); n != 0 {
		t.Errorf("%d contacts are left", n)
	}
}

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
	s.start()
	s.active()
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
	golden(t, "status-plan-full.txt", s.must("status"))
	if out := s.must("status", "--json"); !strings.Contains(out, `"plan_full": true`) {
		t.Errorf("JSON: %s", out)
	}
	erased := `{"specversion":"1.0","id":"erased","source":"/test","type":"rollcall.profile.erased.v1","data":{"profile_id":"ada","emails":["ada@example.com"]}}`
	if _, err := s.conn.JS.Publish(t.Context(), segment.ErasedSubject("ada"), []byte(erased)); err != nil {
		t.Fatal(err)
	}
	s.until("the account has room", func() bool { return !slices.Contains(s.onList(), "ada@example.com") })
	s.must("resume", "newsletter", "--comment", "there is room")
	s.until("Alan is added", func() bool {
		a := s.status()
		return !a.PlanFull && a.Next == "" && a.Listed == 2 && a.Waiting == 0 && owesNothing(a)
	})
	if got := s.onList(); !slices.Equal(got, []string{"alan@example.com", "grace@example.com"}) {
		t.Errorf("%d contacts on the list, Alan among them: %v", len(got), slices.Contains(got, "alan@example.com"))
	}
}
