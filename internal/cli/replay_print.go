package cli

import (
	"fmt"
	"io"
	"strings"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/people"
	"rollcall/internal/pipeline"
	"rollcall/internal/state"
)

func printPlan(to io.Writer, d *config.Destination, p *pipeline.Plan) error {
	fmt.Fprintf(to, "plan for %s\n", d.ID)
	t := newLines(to)
	t.row("events", fmt.Sprintf("%s to fold: %s superseded, %s change nothing, %s cannot be sent",
		count(p.Events), count(p.Superseded), count(p.NoOps), count(p.Bad)))
	t.row("contacts", fmt.Sprintf("%s, %s, %s will wait for a slot", people.Of(p.Upserts, "upsert"), people.Of(p.Removals, "removal"), count(p.Waiting)))
	t.row("requests", requestsPart(p.Requests))
	t.row("takes", takesPart(p))
	if p.Held {
		t.row("guard", fmt.Sprintf("would hold %s until `consumer approve %s`", people.Of(p.HeldRemovals, "removal"), d.ID))
	}
	return t.flush()
}

// takesPart says how long the plan's requests take; empty where there are none.
func takesPart(p *pipeline.Plan) string {
	switch {
	case len(p.Requests) == 0 || p.Upserts+p.Removals == 0:
		return ""
	case p.Seconds < 1:
		return "no waiting for the rate budget's share; SendGrid's time for the jobs"
	}
	return "about " + span(p.Seconds) + " of the rate budget's share, and SendGrid's time for the last job"
}

func requestsPart(requests map[string]int) string {
	var parts []string
	for _, kind := range []string{"upsert", "look_up", "remove", "confirm"} {
		if n := requests[kind]; n > 0 {
			parts = append(parts, count(n)+" "+strings.ReplaceAll(kind, "_", "-"))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// printOutcome shows what a replay did in the figures of its plan, and what live changes had to do with it.
func printOutcome(to io.Writer, d *config.Destination, a *control.ReplayAnswer) error {
	o := a.Outcome
	if o == nil {
		_, err := fmt.Fprintf(to, "%s: replay %s %s: %s folded, %s due\n", d.ID, a.ID, a.State, people.Of(a.Folded, "event"), people.Of(a.Touched, "contact"))
		return err
	}
	fmt.Fprintf(to, "%s: replay %s %s\n", d.ID, a.ID, a.State)
	t := newLines(to)
	t.row("events", fmt.Sprintf("%s folded: %s superseded, %s changed nothing, %s cannot be sent",
		count(o.Events), count(o.Superseded), count(o.NoOps), count(o.Bad)))
	contacts := fmt.Sprintf("%s, %s, %s wait for a slot", people.Of(o.Upserts, "upsert"), people.Of(o.Removals, "removal"), count(o.Waiting))
	if o.Held > 0 {
		contacts += fmt.Sprintf(", %s held until `consumer approve %s`", people.Of(o.Held, "removal"), d.ID)
	}
	if o.Refused > 0 {
		contacts += fmt.Sprintf(", %s refused by SendGrid", count(o.Refused))
	}
	t.row("contacts", contacts)
	t.row("requests", requestsPart(o.Requests))
	if o.Seconds > 0 {
		t.row("took", span(o.Seconds))
	}
	t.row("live changes", livePartOf(&o.Live))
	return t.flush()
}

// livePartOf itemises what made a replay differ from its plan; empty where nothing did.
func livePartOf(l *state.LiveChanges) string {
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{
		{int(l.Since), "%s events came after the plan"},
		{int(l.Overtaken), "%s of its events were overtaken by newer ones"},
		{l.Contacts, "%s of its contacts were decided by live changes"},
		{max(0, l.Slots), "%s slots were taken by others"},
		{max(0, -l.Slots), "%s slots were freed by others"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf(p.text, count(p.n)))
		}
	}
	return strings.Join(parts, ", ")
}

// progressPart is a replay's progress in a line.
func progressPart(r *control.ReplayProgress) string {
	text := fmt.Sprintf("replay %s: read up to event %s of %s", r.ID, count(r.Position), count(r.To))
	if o := r.Outcome; o != nil {
		text += fmt.Sprintf(", %s let go, %s applied", people.Of(r.Touched, "contact"), count(o.Upserts+o.Removals))
	}
	return text
}
