package cli

import (
	"strings"

	"rollcall/internal/control"
	"rollcall/internal/state"
)

// capPart warns as the cap fills up, at the steps of which the log warns too.
func capPart(a *control.StatusAnswer) string {
	switch full := int64(a.Slots) * 100; {
	case a.ProfileCap == 0 || full < 80*a.ProfileCap:
		return ""
	case full < 95*a.ProfileCap:
		return "above 80 %: " + count(a.ProfileCap-int64(a.Slots)) + " slots are left"
	case full < 100*a.ProfileCap:
		return "above 95 %: " + count(a.ProfileCap-int64(a.Slots)) + " slots are left"
	}
	return "full: who enters waits in line, until somebody leaves or profile_cap is raised"
}

// failingPart says that SendGrid takes nothing, and that nobody has to do anything about it.
func failingPart(a *control.StatusAnswer) string {
	if a.Failing == "" {
		return ""
	}
	return "takes nothing since " + stamp(a.FailingSince) + " (" + oneLine(a.Failing) + "); it is tried again by itself, changes are gathered"
}

// sweepsPart names what is held whole: a refresh, or a segment that was taken away.
func sweepsPart(a *control.StatusAnswer) string {
	var parts []string
	for _, sweep := range a.HeldSweeps {
		why := "was taken away"
		if sweep.Sequence > 0 {
			why = "was refreshed by event " + count(sweep.Sequence)
		}
		parts = append(parts, "segment "+sweep.Segment+" "+why+": "+count(sweep.Contacts)+" would leave the list")
	}
	return strings.Join(parts, "; ")
}

// printNumbers shows how many contacts stand how. Of an orphan nobody knows the cap.
func printNumbers(t lines, a *control.StatusAnswer) {
	listed := capped(int64(a.Listed), a.ProfileCap)
	if a.State == "orphaned" {
		listed = count(a.Listed)
	}
	t.row("listed", listed+accountPart(a))
	t.row("cap", capPart(a))
	t.row("plan", planPart(a))
	t.row("held", sweepsPart(a))
	t.row("waiting", count(a.Waiting))
	t.row("dirty", dirtyPart(a))
	t.row("jobs", count(a.JobsInFlight)+" in flight")
	t.row("events", count(a.IntakePending)+" not yet taken over; cursor "+count(a.Cursor))
	if a.OldestUnappliedSeconds > 0 {
		t.row("oldest", span(a.OldestUnappliedSeconds)+" since the oldest change that is not applied")
	}
	if a.LagP50Seconds > 0 || a.LagP99Seconds > 0 {
		t.row("lag", "change to applied "+span(a.LagP50Seconds)+" (median), "+span(a.LagP99Seconds)+" (p99)")
	}
	t.row("budget", budgetPart(a))
	t.row("letters", countedPart(a))
	if r := a.Replay; r != nil && (r.State == state.ReplayRunning || r.State == state.ReplaySending) {
		t.row("replay", strings.TrimPrefix(progressPart(r), "replay "))
	}
}

// countedPart tells of the dead letters, also where they could not be counted in time.
func countedPart(a *control.StatusAnswer) string {
	if a.LettersUncounted {
		return "not counted in time; see: consumer dead-letters list " + a.Destination
	}
	return lettersPart(a.DeadLetters)
}

// lostPart tells of events that the stream dropped before they were folded.
func lostPart(a *control.StatusAnswer) string {
	if a.LostFrom == 0 {
		return ""
	}
	return "events " + count(a.LostFrom) + " to " + count(a.LostTo) + " left the stream before they were read; nobody is removed until a refresh of each segment was accepted"
}

// roomPart names the streams that are nearly full.
func roomPart(a *control.StatusAnswer) string {
	var parts []string
	for _, f := range a.NearlyFull {
		parts = append(parts, f.Stream+" uses "+count(f.Used)+" of "+f.Setting+" "+count(f.Limit))
	}
	if len(parts) == 0 {
		return ""
	}
	return "nearly full, and a full one takes nothing more: " + strings.Join(parts, "; ")
}
