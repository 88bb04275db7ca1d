package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/people"
	"rollcall/internal/pipeline"
	"rollcall/internal/state"
)

func newRebaseCommand(env *Env) *cobra.Command {
	var comment string
	var yes bool
	command := &cobra.Command{
		Use: "rebase DESTINATION", Short: "Go on with an event stream that was made anew",
		Long: "For a destination that is suspended with stream_changed. The new stream is read from its first event, like a refresh\n" +
			"of every segment: whoever is not on it, up to its end as it is now, leaves the list, under the guard. Have the engine\n" +
			"publish all segments on it first. Erasures hold against everything up to that end.",
		Example: "  consumer rebase newsletter --comment 'the stream was restored empty and published again'",
		Args:    arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				return env.rebase(ctx, s, d, approval{comment: comment, yes: yes})
			})
		},
	}
	commentFlag(command, &comment)
	yesFlag(command, &yes)
	env.jsonFlag(command)
	return command
}

func (e *Env) rebase(ctx context.Context, s *session, d *config.Destination, o approval) error {
	if err := s.nobodyActive(ctx, d.ID); err != nil {
		return err
	}
	stream, err := s.conn.InspectStream(ctx, d.Stream)
	if err != nil {
		return err
	}
	err = desk.Amend(ctx, s.conn, s.cfg, d, func(state *state.State) ([]record.Record, error) {
		st := state.Stats()
		changed := pipeline.Joins(ctx, s.conn, &stream, state)
		switch {
		case changed == nil && state.Claim().Binding.Stream == d.Stream:
			return nil, &ExitError{Status: No, Err: fmt.Errorf("%s was built from this very stream: there is nothing to rebase", d.ID)}
		case changed != nil && !errors.Is(changed, pipeline.ErrStreamChanged):
			return nil, changed
		}
		question := fmt.Sprintf("%s: read stream %s (%s) from its first event; whoever of the %s is not on it leaves under the guard. Rebase?",
			d.ID, d.Stream, people.Of(stream.Messages, "event"), people.Of(st.Listed, "listed contact"))
		if err := e.confirm(question, o.yes); err != nil {
			return nil, err
		}
		now := time.Now().UnixNano()
		return []record.Record{
			&record.Rebase{At: now, Stream: d.Stream, StreamCreated: stream.Created.UnixNano(), Last: stream.LastSeq},
			&record.Command{Name: "rebase", Who: control.Who(), Comment: o.comment, At: now},
		}, nil
	})
	if errors.Is(err, ledger.ErrFenced) {
		return fmt.Errorf("a replica claimed %s meanwhile: look at `consumer status %s`: %w", d.ID, d.ID, err)
	}
	if err != nil {
		return err
	}
	return e.said(d.ID, "rebase", "a new generation begins; a consumer that runs claims it within a few seconds")
}
