package cli

import "rollcall/internal/control"

// liveNext is the command that helps where SendGrid and the ledger disagree about a contact that is not under way.
func liveNext(destination string, c *control.ContactAnswer) string {
	switch l := c.SendGrid; {
	case l.Error != "" || c.Erasing:
		return ""
	case c.State == control.Unknown && l.OnList:
		return "take it off at SendGrid, or make it Rollcall's: consumer verify " + destination + " --adopt"
	case c.State != "clean" || c.Listed == l.OnList:
		return ""
	case l.OnList && c.PutBy == "":
		return "it is foreign: take it off at SendGrid, or make it Rollcall's: consumer verify " + destination + " --adopt"
	}
	return "somebody changed the list by hand: consumer verify " + destination + " --repair"
}

func livePart(l *control.LiveAnswer) string {
	if l.Error != "" {
		return "could not be asked: " + l.Error
	}
	text := "does not have the contact"
	if l.Found {
		text = "has the contact, not on this list"
	}
	if l.OnList {
		text = "has the contact, on this list"
	}
	if l.Suppressed {
		text += "; it is globally unsubscribed: SendGrid sends it nothing"
	}
	return text
}
