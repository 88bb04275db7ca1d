package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/state"
)

func newExplainCommand(env *Env) *cobra.Command {
	var live bool
	command := &cobra.Command{
		Use: "explain DESTINATION PROFILE-OR-EMAIL", Short: "Tell one person's whole story: why they are on the list, or not",
		Long: "Which segments hold the person and since which event, the fields as mapped, where the contact is on its way, who\n" +
			"put it on the list, its receipts and dead letters. --live asks SendGrid how it stands now, the global suppression\n" +
			"included. Exit status 3: nothing is known of such a profile or e-mail.",
		Example: "  consumer explain newsletter ada@example.com\n  consumer explain newsletter c0ffee --live --json",
		Args:    arguments("DESTINATION", "PROFILE-OR-EMAIL"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				var answer control.ExplainAnswer
				if err := s.read(ctx, d, control.Explain, control.ExplainArgs{Person: arguments[1], Live: live}, &answer); err != nil {
					return err
				}
				return env.print(answer, func(to io.Writer) error { return printStory(to, &answer) })
			})
		},
	}
	command.Flags().BoolVar(&live, "live", false, "ask SendGrid how the contact stands now")
	env.jsonFlag(command)
	return command
}

func printStory(to io.Writer, a *control.ExplainAnswer) error {
	if a.Active == "" {
		fmt.Fprintf(to, "(no consumer is active for %s: read from the ledger)\n", a.Destination)
	}
	if a.Trouble != "" {
		fmt.Fprintf(to, "(%s sends nothing now: %s)\n", a.Destination, oneLine(a.Trouble))
	}
	if a.Next != "" {
		fmt.Fprintf(to, "(next: %s)\n", a.Next)
	}
	for i := range a.Contacts {
		printContact(to, a.Destination, &a.Contacts[i])
	}
	for i := range a.Profiles {
		printProfile(to, &a.Profiles[i])
	}
	if a.Erased > 0 {
		fmt.Fprintf(to, "erased: every event of the profile up to sequence %s is forgotten\n", count(a.Erased))
	}
	if len(a.DeadLetters) > 0 {
		fmt.Fprintln(to, "dead letters")
		for i := range a.DeadLetters {
			l := &a.DeadLetters[i]
			fmt.Fprintf(to, "  %s  %s  event %s  %s\n", stamp(&l.Time), l.Reason, count(l.Sequence), oneLine(l.Detail))
		}
	}
	return nil
}

func printContact(to io.Writer, destination string, c *control.ContactAnswer) {
	fmt.Fprintf(to, "contact %s\n", oneLine(c.Email))
	t := newLines(to)
	t.row("on list", listedPart(c))
	t.row("desired", desiredPart(c))
	t.row("state", whereabouts(&c.ContactStory))
	if c.Oldest != nil {
		t.row("changed", stamp(c.Oldest)+", not applied yet")
	}
	t.row("replay", c.Replay)
	t.row("sent", stamp(c.Added))
	for _, name := range keys(c.Fields) {
		t.row("field", name+" = "+oneLine(c.Fields[name]))
	}
	t.row("fields", c.FieldsNote)
	for _, r := range c.Receipts {
		t.row("receipt", receiptLine(r))
	}
	t.row("receipts", c.ReceiptsNote)
	if c.SendGrid != nil {
		t.row("SendGrid", livePart(c.SendGrid))
		t.row("next:", liveNext(destination, c))
	}
}

func listedPart(c *control.ContactAnswer) string {
	switch {
	case c.Listed && c.PutBy == "adopted":
		return "yes, adopted" + sincePart(c)
	case c.Listed:
		return "yes, put there by Rollcall" + sincePart(c)
	case c.PutBy == "rollcall" && c.State == "clean":
		return "no (Rollcall has put it there before)"
	case c.PutBy == "rollcall":
		return "no (Rollcall has sent it before)"
	}
	return "no (Rollcall never put it there)"
}

// sincePart says since when the contact is listed, where the ledger knows it.
func sincePart(c *control.ContactAnswer) string {
	if c.Since == nil {
		return ""
	}
	return ", listed since " + stamp(c.Since)
}

func desiredPart(c *control.ContactAnswer) string {
	if !c.Desired {
		return "no: no profile with this e-mail is in a selected segment"
	}
	text := fmt.Sprintf("yes, since event %s; fields from event %s", count(c.Place), count(c.Source))
	return text
}

// whereabouts says where the contact is on its way.
func whereabouts(c *state.ContactStory) string {
	switch c.State {
	case "window":
		if c.Due != nil && c.Due.Before(time.Now()) {
			return "due since " + stamp(c.Due) + ", to be sent"
		}
		return "in its window until " + stamp(c.Due)
	case "waiting":
		return fmt.Sprintf("waiting for a slot, %s in line", ordinal(c.Turn))
	case "on_the_way":
		text := fmt.Sprintf("on its way: %s in batch %d", c.Operation, c.Batch)
		if c.Job != "" {
			text += ", accepted as job " + c.Job
		}
		return text
	case "in_doubt":
		return fmt.Sprintf("in doubt: the answer to its %s never came; it may be applied until %s", c.Operation, stamp(c.Doubt))
	case "held":
		return "its removal is held by the guard: `consumer approve` lets it go"
	case "refused":
		return "refused: " + oneLine(c.Reason) + " (`consumer dead-letters retry` tries it again)"
	}
	switch {
	case c.Erasing:
		return "being deleted from the account"
	case c.State == control.Unknown:
		return "unknown to Rollcall: no event of its segments named it, and it is left alone"
	case !c.Desired:
		return "clean: off the list, as desired"
	}
	return "clean: SendGrid has what is desired"
}

func printProfile(to io.Writer, p *state.ProfileStory) {
	fmt.Fprintf(to, "profile %s\n", oneLine(p.Profile))
	t := newLines(to)
	for _, m := range p.Memberships {
		word := "out"
		if m.In {
			word = "in"
		}
		text := fmt.Sprintf("%s, %s since event %s", m.Segment, word, count(m.Sequence))
		if m.Attributes && m.Email == "" {
			text += ", without a usable e-mail"
		}
		if m.Held {
			text += "; it would leave it, and the guard holds that: consumer approve"
		}
		t.row("segment", text)
	}
	t.row("holds", p.Holds)
	t.row("before", strings.Join(p.Past, ", "))
	if p.Departed != nil {
		t.row("departed", stamp(p.Departed))
	}
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return count(n) + suffix
}

func keys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func newWaitingCommand(env *Env) *cobra.Command {
	var limit int
	command := &cobra.Command{
		Use: "waiting DESTINATION", Short: "Show who waits for a slot under the cap, the next one first",
		Example: "  consumer waiting newsletter --limit 20",
		Args:    arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			if err := limited(limit); err != nil {
				return err
			}
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				var answer control.WaitingAnswer
				if err := s.read(ctx, d, control.Waiting, control.WaitingArgs{Limit: limit}, &answer); err != nil {
					return err
				}
				return env.print(answer, func(to io.Writer) error { return printWaiting(to, &answer) })
			})
		},
	}
	command.Flags().IntVar(&limit, "limit", 100, "show `N` of them at most")
	env.jsonFlag(command)
	return command
}

func printWaiting(to io.Writer, a *control.WaitingAnswer) error {
	if a.Total == 0 {
		_, err := fmt.Fprintf(to, "nobody waits for a slot of %s\n", a.Destination)
		return err
	}
	t := newTable(to, "TURN", "SINCE EVENT", "E-MAIL")
	for _, turn := range a.Line {
		t.row(count(turn.Turn), count(turn.Place), turn.Email)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if rest := a.Total - len(a.Line); rest > 0 {
		fmt.Fprintf(to, "and %s more\n", count(rest))
	}
	return nil
}

// receiptLine shows one receipt in a line.
func receiptLine(body json.RawMessage) string {
	var r receipt
	if err := json.Unmarshal(body, &r); err != nil {
		return "unreadable"
	}
	return r.line()
}
