package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/internal/publish"
	"rollcall/internal/segment"
)

func newExitCommand(env *Env) *cobra.Command {
	f := &publisherFlags{}
	var segmentID, attributes string
	command := &cobra.Command{
		Use:   "exit PROFILE --segment SEGMENT",
		Short: "Publish that one profile has left a segment",
		Long: "Sends the attributes that it is given, never ones read from the stream. Without any, what this membership said of the profile\n" +
			"is withdrawn, and the newest of its others count.",
		Example: "  publisher exit c0ffee --segment high-value --attributes '{\"email\":\"ada@example.com\"}'",
		Args:    arguments("PROFILE"),
		RunE: func(command *cobra.Command, arguments []string) error {
			if err := notPadded(arguments[0]); err != nil {
				return err
			}
			row := publish.Row{Segment: segmentID, Profile: arguments[0], Change: segment.Exited}
			if attributes != "" {
				row.Attributes = []byte(attributes)
			}
			return env.publishOne(command.Context(), f, func(ctx context.Context, s sink) error { return s.Publish(ctx, row) })
		},
	}
	f.add(env, command)
	command.Flags().StringVar(&segmentID, "segment", "", "the `SEGMENT` (required)")
	_ = command.MarkFlagRequired("segment") // it was defined above
	command.Flags().StringVar(&attributes, "attributes", "", "the profile's attributes, a `JSON` object")
	return command
}

func newEraseCommand(env *Env) *cobra.Command {
	f := &publisherFlags{}
	var emails []string
	command := &cobra.Command{
		Use:   "erase PROFILE",
		Short: "Publish that one person is to be forgotten",
		Long: "Every contact that Rollcall made of the profile, and of the addresses given here, is deleted at SendGrid, and what is stored of\n" +
			"the person is purged. This can't be undone. An event that enters the profile afterwards is of a new person.",
		Example: "  publisher erase c0ffee --email ada@example.com",
		Args:    arguments("PROFILE"),
		RunE: func(command *cobra.Command, arguments []string) error {
			if err := notPadded(arguments[0]); err != nil {
				return err
			}
			return env.publishOne(command.Context(), f, func(ctx context.Context, s sink) error { return s.Erase(ctx, arguments[0], emails) })
		},
	}
	f.add(env, command)
	command.Flags().StringArrayVar(&emails, "email", nil, "an address of the person that the engine knows of; repeats")
	return command
}

// notPadded refuses an id that a quote or a copy has padded: the event would be another profile's.
func notPadded(profile string) error {
	if publish.Padded(profile) {
		return misuse("the profile's id begins or ends with white space; if it really does, publish the event as a line of NDJSON (`publisher publish`)")
	}
	return nil
}

// publishOne publishes what the arguments say. They are to blame where it is refused, so that is misuse.
func (e *Env) publishOne(ctx context.Context, f *publisherFlags, send func(context.Context, sink) error) error {
	r := newPublisherReport(e, newPublisherProgress(e, 1))
	r.rows = 1
	err := f.publication(ctx, e, r, func(ctx context.Context, s sink) (publish.Summary, error) {
		if err := send(ctx, s); err != nil {
			return publish.Summary{}, err
		}
		return s.Flush(ctx)
	})
	if _, ok := errors.AsType[*publish.RowError](err); ok {
		return &ExitError{Status: Misuse, Err: fmt.Errorf("refused, %w", err)}
	}
	return err
}
