package check

import (
	"testing"
	"time"
)

func TestClocksAreComparedWithinWhatAnAnswerTells(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		told time.Time
		want Verdict
	}{{now.Add(2 * time.Second), Passed}, {now.Add(-2 * time.Second), Passed}, {now.Add(3 * time.Second), Warning}, {now.Add(-time.Hour), Warning}} {
		var found Findings
		judgeClock(&found, "broker", "the broker's", c.told, now)
		if one := found.All[0]; one.Verdict != c.want || (one.Help != "") != (c.want == Warning) {
			t.Errorf("%v: %+v", c.told, one)
		}
	}
	var found Findings
	(&dateWatch{}).judge(&found, "account acme")
	if found.All[0].Verdict != Unseen {
		t.Errorf("without a Date: %+v", found.All[0])
	}
}
