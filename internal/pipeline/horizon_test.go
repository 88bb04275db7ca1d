package pipeline

import (
	"testing"
	"time"
)

// I4, H1: a step of the system's clock, forwards or back, ends no doubt early and lengthens none.
func TestAStepOfTheClockMovesNoHorizon(t *testing.T) {
	const minute = int64(time.Minute)
	for name, step := range map[string]int64{"none": 0, "forwards": 600 * minute, "back": -600 * minute} {
		t.Run(name, func(t *testing.T) {
			var h horizon
			start, until := int64(1000)*minute, int64(1006)*minute
			if h.over(until, start, time.Hour) {
				t.Fatal("a doubt ends as it begins")
			}
			if h.over(until, start+5*minute+step, time.Hour+5*time.Minute) {
				t.Error("the doubt ends a minute early")
			}
			if left := h.left(time.Hour + 5*time.Minute); left != time.Minute {
				t.Errorf("%v are left, want a minute", left)
			}
			if !h.over(until, start+6*minute+step, time.Hour+6*time.Minute) {
				t.Error("the doubt does not end at its horizon")
			}
			if h.over(until+minute, start+6*minute, time.Hour+6*time.Minute) {
				t.Error("another try without an answer lengthens the doubt, and does not here")
			}
		})
	}
}
