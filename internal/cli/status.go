package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/people"
	"rollcall/internal/scrub"
	"rollcall/internal/sendgrid"
)

func newStatusCommand(env *Env) *cobra.Command {
	command := &cobra.Command{
		Use:   "status [DESTINATION…]",
		Short: "Show how destinations stand, and what helps those in trouble",
		Long: "Asks the active replica of each destination; of one that is active nowhere it reads the ledger. Counts are of\n" +
			"contacts unless they say otherwise. Nobody is named.",
		Example:           "  consumer status\n  consumer status newsletter\n  consumer status --json | jq '.destinations[] | select(.state != \"running\")'",
		ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, ids []string) error {
			ctx, stop := env.untilSignal(command.Context())
			defer stop()
			return env.status(ctx, ids)
		},
	}
	env.jsonFlag(command)
	return command
}

// statusAnswer is the JSON of `consumer status`.
type statusAnswer struct {
	Destinations []control.StatusAnswer `json:"destinations"`
}

func (e *Env) status(ctx context.Context, ids []string) error {
	s, err := e.session(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	orphans, err := s.orphansAmong(ctx, ids)
	if err != nil {
		return s.refused(err)
	}
	chosen, err := s.chosen(slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return slices.ContainsFunc(orphans, func(a control.StatusAnswer) bool { return a.Destination == id })
	}), len(ids) == 0)
	if err != nil {
		return err
	}
	answer := statusAnswer{Destinations: []control.StatusAnswer{}}
	for _, d := range chosen {
		one, err := s.standing(ctx, d)
		if err != nil {
			return err
		}
		answer.Destinations = append(answer.Destinations, one)
	}
	answer.Destinations = append(answer.Destinations, orphans...)
	return e.print(answer, func(to io.Writer) error {
		for i := range answer.Destinations {
			if i > 0 {
				fmt.Fprintln(to)
			}
			if err := e.printStatus(to, &answer.Destinations[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// chosen are the destinations of the file that are named, or all.
func (s *session) chosen(ids []string, all bool) ([]*config.Destination, error) {
	var chosen []*config.Destination
	for _, id := range ids {
		d, err := s.destination(id)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, d)
	}
	if all {
		for i := range s.cfg.Destinations {
			chosen = append(chosen, &s.cfg.Destinations[i])
		}
	}
	return chosen, nil
}

// standing is how one destination stands. What every replica says of itself is added: who stands by, and
// why nobody is active.
func (s *session) standing(ctx context.Context, d *config.Destination) (control.StatusAnswer, error) {
	replicas, err := control.Replicas(ctx, s.conn.NC, d.ID)
	if err != nil {
		return control.StatusAnswer{}, exit(err)
	}
	var a control.StatusAnswer
	err = s.read(ctx, d, control.Status, nil, &a)
	var refused *control.Error
	if err != nil && (errors.As(err, &refused) || ctx.Err() != nil) {
		return a, err
	}
	if err != nil { // the ledger can't be read: what the replicas say of it is the answer
		a = desk.Describe(s.cfg, d)
		a.State = control.Inactive
	}
	a.Standing(replicas)
	if err != nil {
		a.Trouble = scrub.Text(err.Error())
		if a.State == control.Inactive && a.Reason == "" && len(replicas) == 0 {
			a.Next = control.Next(d.ID, a.State, "")
		}
	}
	return a, nil
}

// printStatus shows one destination to people.
func (e *Env) printStatus(to io.Writer, a *control.StatusAnswer) error {
	title := a.Destination
	if a.Name != "" {
		title += "  " + a.Name
	}
	if a.Owner != "" {
		title += "  (owner " + a.Owner + ")"
	}
	fmt.Fprintln(to, oneLine(title))
	t := newLines(to)
	t.row("state", e.paint(to, colorOf(a.State), a.State)+catchingUp(a)+because(a)+on(a))
	t.row("standby", standbys(a.Standbys))
	if a.Trouble == "" { // else the numbers are not known
		printNumbers(t, a)
	}
	t.row("SendGrid", failingPart(a))
	t.row("lost", lostPart(a))
	t.row("streams", roomPart(a))
	t.row("trouble", a.Trouble)
	t.row("next:", a.Next)
	return t.flush()
}

func colorOf(state string) color {
	switch state {
	case "running":
		return good
	case "paused", "held", control.Inactive:
		return warned
	}
	return bad
}

func catchingUp(a *control.StatusAnswer) string {
	if !a.CatchingUp {
		return ""
	}
	return ", catching up"
}

func because(a *control.StatusAnswer) string {
	switch {
	case a.Reason != "":
		return ": " + a.Reason
	case a.HeldRemovals > 0:
		return fmt.Sprintf(": %s, digest %s", people.Of(a.HeldRemovals, "removal"), a.HeldDigest)
	}
	return ""
}

func on(a *control.StatusAnswer) string {
	if a.Replica == "" {
		return ""
	}
	return fmt.Sprintf(" on %s (configuration %s, revision %d, epoch %d)", a.Replica, a.ConfigHash, a.Revision, a.Epoch)
}

func standbys(replicas []control.Replica) string {
	var parts []string
	for _, r := range replicas {
		text := fmt.Sprintf("%s (configuration %s, revision %d)", r.Name, r.ConfigHash, r.Revision)
		if r.StaleConfig {
			text += " stale_config"
		}
		if r.Reason != "" {
			text += ": " + r.Reason
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func capped(n, limit int64) string {
	if limit == 0 {
		return count(n) + ", no cap"
	}
	return count(n) + " of " + count(limit)
}

func accountPart(a *control.StatusAnswer) string {
	if a.AccountContacts == nil {
		return ""
	}
	return "; account " + a.Account + " holds " + capped(*a.AccountContacts, a.AccountCap)
}

func planPart(a *control.StatusAnswer) string {
	if !a.PlanFull {
		return ""
	}
	return "full: account " + a.Account + " takes no more contacts, nobody is added; updates and removals go on"
}

func dirtyPart(a *control.StatusAnswer) string {
	var parts []string
	for _, p := range []struct {
		name string
		n    int
	}{
		{"in a window", a.Window},
		{"on the way", a.OnTheWay},
		{"in doubt", a.InDoubt},
		{"waiting", a.Waiting},
		{"held", a.Held},
		{"refused", a.Refused},
	} {
		if p.n > 0 {
			parts = append(parts, count(p.n)+" "+p.name)
		}
	}
	if len(parts) == 0 {
		return count(a.Dirty)
	}
	return count(a.Dirty) + ": " + strings.Join(parts, ", ")
}

func budgetPart(a *control.StatusAnswer) string {
	for _, b := range a.Budgets {
		if b.Route != string(sendgrid.RouteUpsert) {
			continue
		}
		text := fmt.Sprintf("%d of %s left for %s", b.Remaining, people.Of(b.Limit, "upsert"), span(b.ResetSeconds))
		if a.RequestsDue > 0 {
			text += fmt.Sprintf("; %s due need %s", count(a.RequestsDue), soon(a.BudgetSeconds))
		}
		return text
	}
	return ""
}

func soon(seconds float64) string {
	if seconds <= 0 {
		return "no waiting"
	}
	return span(seconds)
}

func lettersPart(byReason map[string]uint64) string {
	var parts []string
	for _, reason := range sorted(byReason) {
		if byReason[reason] > 0 {
			parts = append(parts, count(byReason[reason])+" "+reason)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
