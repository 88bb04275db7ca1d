package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/ledger/record"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

// replayFlags say what is read again.
type replayFlags struct {
	from               uint64
	since, until       string
	segment, profile   string
	force, dryRun, yes bool
	cancel, background bool
	comment            string
}

func newReplayCommand(env *Env) *cobra.Command {
	f := &replayFlags{}
	command := &cobra.Command{
		Use: "replay DESTINATION", Short: "Read the stream again: show the plan, ask, and do it beside live traffic",
		Long: "Events are folded again at their own sequence, up to where the destination has come, so that nothing newer is beaten\n" +
			"and nobody who left or was erased comes back. What changes by that is sent with the replay's share of the rate\n" +
			"budget. --until and the filters choose profiles. --force sends also what SendGrid is believed to have.\n" +
			"The plan is made by folding the same events into a copy of the state. A replay survives restarts; Ctrl-C leaves it\n" +
			"running, --cancel ends it.",
		Example: "  consumer replay newsletter --from-sequence 1 --dry-run\n  consumer replay newsletter --since 168h --segment high-value\n" +
			"  consumer replay newsletter --from-sequence 1 --force --yes    # export everything now\n  consumer replay newsletter --cancel",
		Args: arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				if f.cancel {
					return env.cancelReplay(ctx, s, d, f.comment)
				}
				return env.replay(ctx, s, d, f)
			})
		},
	}
	flags := command.Flags()
	flags.Uint64Var(&f.from, "from-sequence", 0, "read from a stream sequence `N` (default: the first event)")
	flags.StringVar(&f.since, "since", "", "read from a `TIME`: RFC 3339, or a duration ago")
	flags.StringVar(&f.until, "until", "", "profiles with an event before a `TIME`")
	flags.StringVar(&f.segment, "segment", "", "events of one `SEGMENT`")
	completed(command, "segment", env.segments)
	flags.StringVar(&f.profile, "profile", "", "events of one `PROFILE`")
	flags.BoolVar(&f.force, "force", false, "send also what SendGrid is believed to have")
	flags.BoolVar(&f.dryRun, "dry-run", false, "stop after the plan")
	flags.BoolVar(&f.cancel, "cancel", false, "end the replay under way")
	flags.BoolVar(&f.background, "no-wait", false, "return once it has started")
	commentFlag(command, &f.comment)
	yesFlag(command, &f.yes)
	env.jsonFlag(command)
	command.MarkFlagsMutuallyExclusive("from-sequence", "since")
	return command
}

func (e *Env) cancelReplay(ctx context.Context, s *session, d *config.Destination, comment string) error {
	var answer control.ReplayAnswer
	if err := s.call(ctx, d, control.Replay, by(comment), control.ReplayArgs{Cancel: true}, &answer); err != nil {
		return err
	}
	return e.print(answer, func(to io.Writer) error {
		_, err := fmt.Fprintf(to, "%s: replay %s is cancelled; what it has folded stays\n", d.ID, answer.ID)
		return err
	})
}

func (e *Env) replay(ctx context.Context, s *session, d *config.Destination, f *replayFlags) error {
	args, err := s.replayArgs(ctx, d, f)
	if err != nil {
		return err
	}
	plan, err := s.rehearse(ctx, d, args)
	if err != nil {
		return err
	}
	if f.dryRun || !e.json {
		err := e.print(control.ReplayAnswer{Destination: d.ID, Plan: &plan}, func(to io.Writer) error { return printPlan(to, d, &plan) })
		if err != nil || f.dryRun {
			return err
		}
	}
	if err := e.confirm(d.ID+": replay?", f.yes); err != nil {
		return err
	}
	var answer control.ReplayAnswer
	args.Planned = plan.Cursor
	if err := s.call(ctx, d, control.Replay, by(f.comment), args, &answer); err != nil {
		return err
	}
	if !f.background {
		if answer.ReplayProgress, err = e.follow(ctx, s, d, answer.ReplayProgress); err != nil {
			return err
		}
	}
	answer.Plan = &plan
	return e.print(answer, func(to io.Writer) error { return printOutcome(to, d, &answer) })
}

// replayArgs turns times into sequences.
func (s *session) replayArgs(ctx context.Context, d *config.Destination, f *replayFlags) (control.ReplayArgs, error) {
	args := control.ReplayArgs{From: f.from, Segment: f.segment, Profile: f.profile, Force: f.force}
	if f.segment != "" && !slices.Contains(d.Segments, f.segment) {
		return args, misuse("%s does not select the segment %q: it has %s", d.ID, f.segment, strings.Join(d.Segments, ", "))
	}
	since, err := ago(f.since)
	if err != nil {
		return args, err
	}
	until, err := ago(f.until)
	if err != nil {
		return args, err
	}
	if !since.IsZero() {
		from, any, err := s.conn.SequenceAfter(ctx, d.Stream, since.Add(-1))
		if err != nil {
			return args, err
		}
		if !any {
			return args, &ExitError{Status: No, Err: fmt.Errorf("stream %s has no event since then", d.Stream)}
		}
		args.From = from
	}
	if !until.IsZero() {
		next, any, err := s.conn.SequenceAfter(ctx, d.Stream, until)
		switch {
		case err != nil:
			return args, err
		case any && next == 1:
			return args, &ExitError{Status: No, Err: fmt.Errorf("stream %s has no event before that", d.Stream)}
		case any:
			args.Until = next - 1
		}
	}
	return args, nil
}

// rehearse makes the plan over a copy of the state, in this process.
func (s *session) rehearse(ctx context.Context, d *config.Destination, args control.ReplayArgs) (pipeline.Plan, error) {
	client, account, err := s.account(d)
	if err != nil {
		return pipeline.Plan{}, err
	}
	spec, err := desk.ResolveMapping(ctx, client, d)
	if err != nil {
		return pipeline.Plan{}, err
	}
	state, _, err := desk.LoadState(ctx, s.conn, s.cfg, d)
	if err != nil {
		return pipeline.Plan{}, err
	}
	return pipeline.Rehearse(ctx, state, pipeline.Rehearsal{
		Stream: s.conn, Mapping: spec, Policy: desk.Policy(d, account),
		Binding: record.Binding{Stream: d.Stream, Segments: d.Segments, List: d.ListID},
		Batch:   pipeline.BatchLimits{MaxContacts: d.Batch.MaxContacts, MaxBytes: d.Batch.MaxBytes},
		Replay:  desk.ReplayOf(args, account.ReplayShare), Limit: client.Budget(sendgrid.RouteUpsert).Limit,
	})
}

// follow shows how the replay goes until it has ended. Ctrl-C leaves it running.
func (e *Env) follow(ctx context.Context, s *session, d *config.Destination, r control.ReplayProgress) (control.ReplayProgress, error) {
	line := newDemoProgress(e)
	defer line.end()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		var now control.StatusAnswer
		err := s.call(ctx, d, control.Status, control.Request{}, nil, &now)
		if err == nil && now.Replay != nil && now.Replay.ID == r.ID {
			r = *now.Replay
			if r.State != state.ReplayRunning && r.State != state.ReplaySending {
				return r, nil
			}
			line.say(progressPart(&r))
		}
		select {
		case <-ctx.Done():
			line.end()
			e.tell("info", fmt.Sprintf("the replay goes on; `consumer status %s` shows how, `consumer replay %s --cancel` ends it", d.ID, d.ID), nil)
			return r, nil
		case <-ticker.C:
		}
	}
}
