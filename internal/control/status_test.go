package control

import (
	"strings"
	"testing"
)

func TestEveryTroubleNamesTheStepThatHelps(t *testing.T) {
	reasons := strings.Fields("consent key forbidden list fields target_changed stream_missing stream_changed stream_unfit ledger_stream_unfit ledger_lost ledger_damaged newer_build")
	for _, reason := range reasons {
		next := Next("newsletter", "suspended", reason)
		if next == "" || strings.Contains(next, "%s") {
			t.Errorf("suspended for %s: next is %q", reason, next)
		}
	}
	if next := suspendedNext["list"]; strings.Contains(next, "again") { // SendGrid chooses ids: nobody can make a list under one
		t.Errorf("list: %s", next)
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

// Of several troubles the line that helps is of the one that comes first: what stops a destination altogether, then what
// keeps contacts from where they should be.
func TestTheLineThatHelpsIsOfTheWorstTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		a    StatusAnswer
		want string
	}{
		"nothing": {StatusAnswer{State: "running"}, ""},
		"SendGrid takes nothing": {
			StatusAnswer{State: "running", Failing: "503", LostFrom: 3, Waiting: 2},
			"it is tried again by itself for as long as it takes; is it SendGrid, or the way to it: consumer check",
		},
		"events were lost": {
			StatusAnswer{State: "running", LostFrom: 3, LostTo: 4, PlanFull: true},
			"removals wait: publish each of its segments again (publisher refresh --segment SEGMENT FILE)",
		},
		"the plan is full": {
			StatusAnswer{State: "running", PlanFull: true, Waiting: 2},
			"make room in the account or take a larger plan, then: consumer resume newsletter",
		},
		"some wait":                 {StatusAnswer{State: "running", Waiting: 2, Refused: 1}, "raise profile_cap, or see who waits: consumer waiting newsletter"},
		"some are refused":          {StatusAnswer{State: "running", Refused: 1}, "see why contacts are refused: consumer dead-letters list newsletter; after a correction: consumer dead-letters retry newsletter"},
		"paused, and they wait":     {StatusAnswer{State: "paused", Waiting: 2}, "consumer resume newsletter"},
		"held, and it is full":      {StatusAnswer{State: "held", PlanFull: true}, "consumer approve newsletter"},
		"suspended, and it is full": {StatusAnswer{State: "suspended", Reason: "key", PlanFull: true}, suspendedNext["key"]},
		"nobody is active":          {StatusAnswer{State: Inactive, Waiting: 2}, "start a consumer: consumer run"},
		"orphaned":                  {StatusAnswer{State: "orphaned"}, "put it back into the configuration, or: consumer remove newsletter"},
	} {
		c.a.Destination = "newsletter"
		if c.a.Advise(); c.a.Next != c.want {
			t.Errorf("%s: next is %q, want %q", name, c.a.Next, c.want)
		}
	}
}
