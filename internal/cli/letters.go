package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/people"
)

// lettersFlags choose dead letters.
type lettersFlags struct {
	reason, since, profile, comment string
	sequence                        uint64
	reveal, yes                     bool
	limit                           int
}

func (f *lettersFlags) filter() (control.LetterFilter, error) {
	if err := limited(f.limit); err != nil {
		return control.LetterFilter{}, err
	}
	since, err := ago(f.since)
	if err != nil {
		return control.LetterFilter{}, err
	}
	return control.LetterFilter{
		Reason: f.reason, Since: since, Profile: f.profile, Sequence: f.sequence, Reveal: f.reveal, Limit: f.limit,
	}, nil
}

func newLettersCommand(env *Env) *cobra.Command {
	command := newLetterCommand(env, "list")
	command.Use, command.Short = "dead-letters [DESTINATION]", "List, show, retry or discard what was set aside"
	command.Long = "An event that cannot be read, or a contact that SendGrid refused, is set aside as a dead letter with its reason.\n" +
		"Without a subcommand they are listed."
	command.Example = "  consumer dead-letters list newsletter --since 24h\n  consumer dead-letters show newsletter --sequence 4711 --reveal\n" +
		"  consumer dead-letters retry newsletter --reason bad_value --comment 'mapping corrected'\n  consumer dead-letters discard newsletter --reason no_email --comment 'known test data'"
	for _, name := range []string{"list", "show", "retry", "discard"} {
		command.AddCommand(newLetterCommand(env, name))
	}
	return command
}

var lettersShort = map[string]string{
	"list":    "Count dead letters by reason, and list the newest",
	"show":    "Show dead letters with all that is known of them",
	"retry":   "Fold the events of dead letters again, as after a corrected mapping",
	"discard": "Take dead letters away",
}

var lettersLong = map[string]string{
	"list": "Reads the stream of dead letters; no consumer has to be active.",
	"show": "Like list, with subject, headers and body where --reveal asks for them: those name persons.",
	"retry": "Each event is read again by its sequence and folded at its own sequence, so that a newer event always wins: a letter\n" +
		"that was overtaken is reported as superseded and not sent. Contacts that SendGrid refused are due again.",
	"discard": "The ledger keeps who discarded how many, when, and the comment.",
}

func newLetterCommand(env *Env, name string) *cobra.Command {
	f := &lettersFlags{}
	command := &cobra.Command{
		Use: name + " DESTINATION", Short: lettersShort[name], Long: lettersLong[name],
		Example: "  consumer dead-letters " + name + " newsletter --reason bad_value",
		Args:    arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				if name == "retry" || name == "discard" {
					return env.settleLetters(ctx, s, d, settling{name: name, filter: filter, flags: f})
				}
				answer, err := desk.Letters(ctx, s.conn, d.ID, filter)
				if err != nil {
					return exit(err)
				}
				return env.print(answer, func(to io.Writer) error { return printLetters(to, &answer, name == "show" || f.reveal) })
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.reason, "reason", "", "of one `REASON`")
	flags.StringVar(&f.since, "since", "", "set aside after a `TIME`: RFC 3339, or a duration ago")
	flags.StringVar(&f.profile, "profile", "", "of one `PROFILE`")
	flags.Uint64Var(&f.sequence, "sequence", 0, "of the event at a stream sequence `N`")
	completed(command, "reason", letterReasons)
	flags.BoolVar(&f.reveal, "reveal", false, "show subject, headers and body, which name persons")
	yesFlag(command, &f.yes) // whoever lists or shows is asked nothing; scripts may say it all the same
	switch name {
	case "list", "show":
		flags.IntVar(&f.limit, "limit", 100, "show the newest `N`")
	default:
		commentFlag(command, &f.comment)
	}
	env.jsonFlag(command)
	return command
}

type settling struct {
	name   string
	filter control.LetterFilter
	flags  *lettersFlags
}

// settleLetters retries or discards, once it was said how many.
func (e *Env) settleLetters(ctx context.Context, s *session, d *config.Destination, o settling) error {
	chosen, err := desk.Letters(ctx, s.conn, d.ID, o.filter)
	if err != nil {
		return exit(err)
	}
	if chosen.Total == 0 {
		return &ExitError{Status: No, Err: fmt.Errorf("no dead letter of %s is chosen by that", d.ID)}
	}
	if o.filter.Reveal && !e.json { // who decides sees what about
		if err := showLetters(e.Stderr, chosen.Letters); err != nil {
			return err
		}
	}
	question := fmt.Sprintf("%s: %s %s (%s)?", d.ID, o.name, people.Of(chosen.Total, "dead letter"), lettersPart(chosen.ByReason))
	if err := e.confirm(question, o.flags.yes); err != nil {
		return err
	}
	command := control.Retry
	if o.name == "discard" {
		command = control.Discard
	}
	var answer control.RetryAnswer
	if err := s.call(ctx, d, command, by(o.flags.comment), o.filter, &answer); err != nil {
		return err
	}
	return e.print(answer, func(to io.Writer) error { return printSettled(to, &answer, o.name) })
}

func printSettled(to io.Writer, a *control.RetryAnswer, name string) error {
	if name == "discard" {
		_, err := fmt.Fprintf(to, "%s: %s discarded\n", a.Destination, people.Of(a.Discarded, "dead letter"))
		return err
	}
	fmt.Fprintf(to, "%s: %s, %s folded again, %s due again\n",
		a.Destination, people.Of(a.Letters, "dead letter"), people.Of(a.Folded, "event"), people.Of(a.Due, "refused contact"))
	if n := a.Superseded + a.Gone; n > 0 {
		fmt.Fprintf(to, "  superseded  %s: a newer event overtook them, so they were not sent (discard them)\n", count(n))
	}
	for reason, n := range a.Still {
		fmt.Fprintf(to, "  still bad   %s: %s, as the mapping is now\n", count(n), reason)
	}
	return nil
}

func printLetters(to io.Writer, a *control.LettersAnswer, whole bool) error {
	if a.Total == 0 {
		_, err := fmt.Fprintf(to, "no dead letter of %s is chosen by that\n", a.Destination)
		return err
	}
	fmt.Fprintf(to, "%s: %s: %s\n", a.Destination, people.Of(a.Total, "dead letter"), lettersPart(a.ByReason))
	if whole {
		return showLetters(to, a.Letters)
	}
	t := newTable(to, "TIME", "REASON", "EVENT", "DETAIL")
	for i := range a.Letters {
		l := &a.Letters[i]
		t.row(stamp(&l.Time), l.Reason, count(l.Sequence), l.Detail)
	}
	return t.flush()
}

func showLetters(to io.Writer, letters []control.Letter) error {
	for i := range letters {
		l := &letters[i]
		fmt.Fprintf(to, "letter %s\n", count(l.Letter))
		t := newLines(to)
		t.row("time", stamp(&l.Time))
		t.row("reason", l.Reason)
		t.row("detail", oneLine(l.Detail))
		t.row("event", count(l.Sequence))
		t.row("attempts", count(l.Attempts))
		t.row("body", l.Missing)
		t.row("subject", oneLine(l.Subject))
		t.row("body", oneLine(l.Body))
	}
	return nil
}
