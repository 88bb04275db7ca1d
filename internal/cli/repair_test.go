package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/control"
	"rollcall/internal/state"
	"rollcall/internal/testkit"
)

func TestEverythingIsExportedAgainByAForcedReplay(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada", "Grace", "Alan")
	s.settled(3)
	s.event("high-value", "alan", "")
	s.settled(2)
	golden(t, "replay-plan.txt", s.must("replay", "newsletter", "--from-sequence", "1", "--force", "--dry-run"))
	golden(t, "replay-nothing.txt", s.must("replay", "newsletter", "--dry-run"))
	if status, _, errs := s.run("replay", "newsletter", "--force"); status != int(Misuse) || !strings.Contains(errs, "--yes") {
		t.Errorf("without --yes: %d %s", status, errs)
	}
	var done control.ReplayAnswer
	s.json(&done, "replay", "newsletter", "--from-sequence", "1", "--force", "--yes", "--comment", "export on demand")
	if done.State != "done" || int(done.Touched) != done.Plan.Upserts || done.Folded != done.Plan.Events || done.Plan.Upserts != 2 {
		t.Errorf("planned %+v, done %+v", done.Plan, done.ReplayProgress)
	}
	if o := done.Outcome; o == nil || o.Upserts != 2 || o.Events != done.Plan.Events || o.NoOps != done.Plan.NoOps || o.Live != (state.LiveChanges{}) {
		t.Errorf("planned %+v, happened %+v", done.Plan, o)
	}
	_, text, _ := strings.Cut(s.must("replay", "newsletter", "--from-sequence", "1", "--force", "--yes"), "jobs\n")
	golden(t, "replay-done.txt", text)
	s.settled(2)
	if diff := cmp.Diff([]string{"ada@example.com", "grace@example.com"}, s.onList()); diff != "" {
		t.Errorf("the departed is back: %s", diff)
	}
	s.until("the receipt", func() bool { return strings.Contains(s.must("receipts", "newsletter", "--kind", "replay"), "replay") })
	if status, _, errs := s.run("replay", "newsletter", "--cancel"); status != int(Failed) || !strings.Contains(errs, "no replay is under way") {
		t.Errorf("cancelling nothing: %d %s", status, errs)
	}
	for _, c := range []struct {
		flags []string
		want  int
	}{
		{[]string{"--since", "1h"}, 2},
		{[]string{"--since", "1h", "--until", "0s"}, 2},
		{[]string{"--profile", "ada"}, 1},
		{[]string{"--segment", "high-value", "--profile", "alan"}, 0}, // who has left
		{[]string{"--from-sequence", "2", "--until", time.Now().UTC().Format(time.RFC3339Nano)}, 1},
	} {
		var planned control.ReplayAnswer
		s.json(&planned, append([]string{"replay", "newsletter", "--force", "--dry-run"}, c.flags...)...)
		if planned.Plan.Upserts != c.want {
			t.Errorf("%v: planned %+v, want %d upserts", c.flags, planned.Plan, c.want)
		}
	}
	for _, flags := range [][]string{{"--until", "10h"}, {"--since", "0s"}} {
		if status, _, errs := s.run(append([]string{"replay", "newsletter", "--dry-run"}, flags...)...); status != int(No) || !strings.Contains(errs, "has no event") {
			t.Errorf("%v: %d %s", flags, status, errs)
		}
	}
	if status, _, errs := s.run("replay", "newsletter", "--segment", "other"); status != int(Misuse) || !strings.Contains(errs, "high-value") {
		t.Errorf("an unknown segment: %d %s", status, errs)
	}
}

// Somebody emptied the list by hand, and changed a field: verify sees it, repair puts it right.
func TestVerifySeesWhatWasChangedByHandAndRepairsIt(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada", "Grace", "Alan")
	s.settled(3)
	s.event("high-value", "alan", "")
	s.settled(2)
	s.until("old enough to be judged", func() bool {
		var a verifyAnswer
		s.json(&a, "verify", "newsletter")
		return a.Pending == 0
	})
	s.sim.Alter("ada@example.com", s.list, false, nil)
	s.sim.Alter("alan@example.com", s.list, true, nil)
	s.sim.Alter("grace@example.com", s.list, true, map[string]string{"country": "US"})
	s.sim.Alter("stranger@example.com", s.list, true, nil)
	status, out, _ := s.run("verify", "newsletter")
	golden(t, "verify.txt", out)
	testkit.Unnamed(t, []byte(out), planted...)
	if status != int(No) {
		t.Errorf("a list that is wrong: status %d", status)
	}
	if _, out, _ := s.run("verify", "newsletter", "--reveal"); !strings.Contains(out, "missing  ada@example.com") {
		t.Errorf("revealed: %s", out)
	}
	golden(t, "verify-repair.txt", s.must("verify", "newsletter", "--repair", "--yes", "--comment", "edited by hand"))
	want := []string{"ada@example.com", "grace@example.com", "stranger@example.com"}
	s.until("repaired", func() bool { return slices.Equal(s.onList(), want) && s.status().Dirty == 0 })
	s.until("right again", func() bool { status, _, _ := s.run("verify", "newsletter"); return status == int(Done) })
}

// From another connector: its members are adopted, and leave unless a segment selects them.
func TestAdoptedMembersLeaveUnlessASegmentSelectsThem(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	for _, name := range []string{"ada", "grace", "alan"} {
		s.sim.Alter(name+"@example.com", s.list, true, map[string]string{"first_name": "Old"})
	}
	s.start()
	s.active()
	s.enter("Ada")
	s.settled(1)
	if status, _, errs := s.run("verify", "newsletter", "--adopt", "--yes"); status != int(Misuse) || !strings.Contains(errs, "--comment") {
		t.Errorf("without a comment: %d %s", status, errs)
	}
	golden(t, "verify-adopt.txt", s.must("verify", "newsletter", "--adopt", "--yes", "--comment", "from another connector"))
	s.until("the others left", func() bool { return slices.Equal(s.onList(), []string{"ada@example.com"}) })
	s.settled(1)
}
