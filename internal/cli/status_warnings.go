package cli

import "rollcall/internal/control"

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

// lostPart tells of events that the stream dropped before they were folded.
func lostPart(a *control.StatusAnswer) string {
	if a.LostFrom == 0 {
		return ""
	}
	return "events " + count(a.LostFrom) + " to " + count(a.LostTo) + " left the stream before they were read; nobody is removed until a refresh of each segment was accepted"
}
