package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/people"
	"rollcall/internal/state"
)

// steering is a command that is nothing but its entry in the ledger.
type steering struct {
	command control.Command
	short   string
	long    string
	done    string // what is said afterwards
}

func newSteeringCommands(env *Env) []*cobra.Command {
	var all []*cobra.Command
	for _, s := range []steering{
		{
			control.Pause, "Send nothing more to SendGrid until `resume`",
			"Changes go on being taken over and gathered; requests under way are followed to their end. Erasures go on.",
			"paused: changes are gathered, nothing is sent; `consumer resume %s` ends it",
		},
		{
			control.Resume, "Go on sending after `pause`, or probe a suspended destination at once",
			"A destination that is suspended for a reason that SendGrid shows is probed at once.",
			"resumed; one that was suspended is probed now: `consumer status %s` shows what came of it",
		},
		{
			control.Flush, "Send what is in its window now",
			"Every contact in its window becomes due. Everything again: consumer replay DESTINATION --from-sequence 1 --force",
			"flushed: what was in its window is due",
		},
	} {
		all = append(all, newSteeringCommand(env, s))
	}
	return all
}

func newSteeringCommand(env *Env, s steering) *cobra.Command {
	var comment string
	name := string(s.command)
	command := &cobra.Command{
		Use: name + " DESTINATION", Short: s.short, Long: s.long + "\nThe ledger keeps who gave the command, when, and the comment.",
		Example: "  consumer " + name + " newsletter --comment 'maintenance until noon'",
		Args:    arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, o *session, d *config.Destination) error {
				if err := o.call(ctx, d, s.command, by(comment), nil, nil); err != nil {
					return err
				}
				return env.said(d.ID, name, fmt.Sprintf(fill(s.done), d.ID))
			})
		},
	}
	commentFlag(command, &comment)
	env.jsonFlag(command)
	return command
}

// fill lets a text without a place for the destination be formatted with it.
func fill(text string) string {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '%' && text[i+1] == 's' {
			return text
		}
	}
	return text + "%.0s"
}

func commentFlag(command *cobra.Command, comment *string) {
	command.Flags().StringVar(comment, "comment", "", "`TEXT` that the ledger keeps with the command")
}

func yesFlag(command *cobra.Command, yes *bool) {
	command.Flags().BoolVarP(yes, "yes", "y", false, "do not ask")
}

func by(comment string) control.Request { return control.Request{Who: control.Who(), Comment: comment} }

// doneAnswer is the JSON of a command that has nothing more to tell.
type doneAnswer struct {
	Destination string `json:"destination"`
	Command     string `json:"command"`
	Done        bool   `json:"done"`
}

// said tells that a command was done.
func (e *Env) said(destination, command, text string) error {
	return e.print(doneAnswer{Destination: destination, Command: command, Done: true}, func(to io.Writer) error {
		_, err := fmt.Fprintf(to, "%s: %s\n", destination, text)
		return err
	})
}

func newApproveCommand(env *Env) *cobra.Command {
	var comment string
	var yes bool
	command := &cobra.Command{
		Use: "approve DESTINATION", Short: "Let go of the removals that the guard holds",
		Long: "Shows how many removals are held and a digest of them, and lets exactly those go. When others are held by then, it\n" +
			"is refused and has to be looked at again. --yes approves what is held now.",
		Example: "  consumer approve newsletter --comment 'the campaign ended'",
		Args:    arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				return env.approve(ctx, s, d, approval{comment: comment, yes: yes})
			})
		},
	}
	commentFlag(command, &comment)
	yesFlag(command, &yes)
	env.jsonFlag(command)
	return command
}

type approval struct {
	comment string
	yes     bool
}

// approvedAnswer is the JSON of `consumer approve`.
type approvedAnswer struct {
	Destination string `json:"destination"`
	state.Held
	Approved bool `json:"approved"`
}

func (e *Env) approve(ctx context.Context, s *session, d *config.Destination, o approval) error {
	var now control.StatusAnswer
	if err := s.call(ctx, d, control.Status, control.Request{}, nil, &now); err != nil {
		return err
	}
	if now.HeldRemovals+len(now.HeldSweeps) == 0 {
		return &ExitError{Status: No, Err: fmt.Errorf("nothing is held for %s", d.ID)}
	}
	question := fmt.Sprintf("%s: let %s of %s go (digest %s)?", d.ID, count(now.HeldRemovals), people.Of(now.Listed, "listed contact"), now.HeldDigest)
	if err := e.confirm(question, o.yes); err != nil {
		return err
	}
	var held state.Held
	args := control.ApproveArgs{Count: now.HeldRemovals, Digest: now.HeldDigest}
	if err := s.call(ctx, d, control.Approve, by(o.comment), args, &held); err != nil {
		return err
	}
	return e.print(approvedAnswer{Destination: d.ID, Held: held, Approved: true}, func(to io.Writer) error {
		if held.Count == 0 {
			_, err := fmt.Fprintf(to, "%s: the hold has ended; nobody on the list leaves by it any more\n", d.ID)
			return err
		}
		_, err := fmt.Fprintf(to, "%s: approved %s (digest %s); they go as fast as SendGrid takes them\n", d.ID, people.Of(held.Count, "removal"), held.Digest)
		return err
	})
}
