package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/people"
	"rollcall/internal/state"
)

type removeFlags struct {
	contacts, yes    bool
	account, comment string
}

func newRemoveCommand(env *Env) *cobra.Command {
	f := &removeFlags{}
	command := &cobra.Command{
		Use: "remove DESTINATION", Short: "Remove an orphaned destination: its ledger, and its contacts from the list",
		Long: "For a destination that is not in any running consumer's configuration any more. Its ledger, durable consumer, dead\n" +
			"letters and receipts are removed. With --contacts everybody whom Rollcall had on the list is taken off it first,\n" +
			"followed to the end; without, they stay on the list and nobody looks after them. Foreign members are left alone.",
		Example: "  consumer remove newsletter --contacts --account acme --comment 'the newsletter ended'\n  consumer remove newsletter --yes",
		Args:    arguments("DESTINATION"),
		RunE: func(command *cobra.Command, arguments []string) error {
			ctx, stop := env.untilSignal(command.Context())
			defer stop()
			s, err := env.session(ctx)
			if err != nil {
				return err
			}
			defer s.close()
			return env.remove(ctx, s, arguments[0], f)
		},
	}
	command.Flags().BoolVar(&f.contacts, "contacts", false, "take its contacts off the list first")
	command.Flags().StringVar(&f.account, "account", "", "the account `ID` of the file that the list belongs to")
	commentFlag(command, &f.comment)
	yesFlag(command, &f.yes)
	env.jsonFlag(command)
	return command
}

func (e *Env) remove(ctx context.Context, s *session, id string, f *removeFlags) error {
	if f.contacts && f.account == "" {
		return misuse("say with --account which account of the file the list belongs to")
	}
	replicas, err := control.Replicas(ctx, s.conn.NC, id)
	if err != nil {
		return exit(err)
	}
	if len(replicas) > 0 {
		return fmt.Errorf("%s is in the configuration of %s: take it out there and start it again first", id, replicas[0].Name)
	}
	bound, st, err := desk.Bound(ctx, s.conn, s.cfg, id)
	if err != nil {
		return exit(err)
	}
	what := fmt.Sprintf("%s left on list %s", people.Of(st.Listed, "listed contact"), bound.List)
	if f.contacts {
		what = fmt.Sprintf("%s taken off list %s", people.Of(st.Listed, "listed contact"), bound.List)
	}
	if err := e.confirm(fmt.Sprintf("%s: remove its ledger, dead letters and receipts; %s?", id, what), f.yes); err != nil {
		return err
	}
	if f.contacts {
		if err := e.empty(ctx, s, id, f); err != nil {
			return err
		}
	}
	if err := desk.Forget(ctx, s.conn, id, bound.Stream); err != nil {
		return err
	}
	return e.said(id, "remove", "removed; "+what)
}

func (e *Env) empty(ctx context.Context, s *session, id string, f *removeFlags) error {
	d := &config.Destination{ID: id, Account: f.account}
	client, account, err := s.account(d)
	if err != nil {
		return err
	}
	line := newDemoProgress(e)
	defer line.end()
	return desk.Empty(ctx, s.conn, s.cfg, desk.Removal{
		Destination: d, Account: account, SendGrid: client, Who: control.Who(), Comment: f.comment,
		Progress: func(st state.Stats) {
			line.say(fmt.Sprintf("%s: %s listed, %s on the way", id, count(st.Listed), count(st.OnTheWay)))
		},
	})
}
