package control

import (
	"strings"
	"testing"
)

func TestEveryTroubleNamesTheStepThatHelps(t *testing.T) {
	reasons := strings.Fields("consent key forbidden list fields target_changed stream_missing stream_changed stream_unfit ledger_lost ledger_damaged newer_build")
	for _, reason := range reasons {
		next := Next("newsletter", "suspended", reason)
		if next == "" || strings.Contains(next, "%s") {
			t.Errorf("suspended for %s: next is %q", reason, next)
		}
	}
	if len(reasons) != len(suspendedNext) {
		t.Errorf("%d reasons in the contract, %d here", len(reasons), len(suspendedNext))
	}
	for _, state := range []string{"paused", "held", "orphaned"} {
		if !strings.Contains(Next("newsletter", state, ""), "consumer ") {
			t.Errorf("%s names no command", state)
		}
	}
	if Next("newsletter", "running", "") != "" {
		t.Error("a running destination needs nothing")
	}
}

// A full plan is told where nothing worse is: what stops a destination altogether comes first.
func TestAFullPlanNamesTheStepThatHelps(t *testing.T) {
	for _, c := range []struct {
		state, reason string
		full          bool
		want          string
	}{
		{"running", "", true, "make room in the account or take a larger plan, then: consumer resume newsletter"},
		{"running", "", false, ""},
		{"held", "", true, "consumer approve newsletter"},
		{"suspended", "key", true, suspendedNext["key"]},
	} {
		a := StatusAnswer{Destination: "newsletter", State: c.state, Reason: c.reason, PlanFull: c.full}
		if a.Advise(); a.Next != c.want {
			t.Errorf("%s, full %v: next is %q, want %q", c.state, c.full, a.Next, c.want)
		}
	}
}
