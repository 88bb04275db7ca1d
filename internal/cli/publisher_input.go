package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"rollcall/internal/publish"
	"rollcall/internal/segment"
)

// standardInput stands for it among the files, and in messages.
const standardInput = "-"

// inputFlags are those of commands that read files.
type inputFlags struct {
	publisherFlags
	feedFlags
	segment, format, change string
}

func newPublishCommand(env *Env) *cobra.Command {
	f := &inputFlags{}
	command := &cobra.Command{
		Use:   "publish [FILE…]",
		Short: "Publish the rows of files, or of standard input",
		Long: "Publishes each row as an event, in order for each profile.\n\n" +
			"CSV: a header with profile_id; segment_id and change are columns, or --segment and --change say them for all; every other column\n" +
			"is an attribute, as text, an empty cell null. --map, --preset, --id-column and --id-from say what the columns of another tool's export\n" +
			"are, and --preview shows what becomes of them. NDJSON: events, whose id and source are made anew, or profiles\n" +
			"({\"profile_id\":…,\"attributes\":{…}}) with --segment. A row that the consumer could not read is reported with its line and reason\n" +
			"on standard error, and the others go on.",
		Example: "  publisher publish --segment high-value --change entered people.csv\n" +
			"  engine export | publisher publish --segment high-value --format ndjson\n" +
			"  publisher publish contacts.csv --preset hubspot --segment high-value --change entered --preview\n" +
			"  publisher publish --dry-run --json events.ndjson",
		RunE: func(command *cobra.Command, files []string) error { return env.publish(command.Context(), f, files) },
	}
	f.publisherFlags.add(env, command)
	command.Flags().StringVar(&f.segment, "segment", "", "`SEGMENT` of the rows that name none")
	command.Flags().StringVar(&f.change, "change", "", "entered or exited: of the rows that don't say it")
	f.addFormat(command)
	return command
}

func newRefreshCommand(env *Env) *cobra.Command {
	f := &inputFlags{change: segment.Entered.String()}
	command := &cobra.Command{
		Use:   "refresh --segment SEGMENT [FILE…]",
		Short: "Publish a whole segment: whoever is not in it has left",
		Long: "Publishes every row as a member of the segment, and when all are acknowledged the event that ends the refresh: whoever was last\n" +
			"seen before it has left. Where a row is refused, anything fails, or there is no row and --allow-empty is not given, that event is\n" +
			"not published, and nobody leaves.\n\n" +
			"Hold other changes of the segment back until it is done, or publish them again afterwards.",
		Example: "  publisher refresh --segment high-value members.csv",
		RunE:    func(command *cobra.Command, files []string) error { return env.refresh(command.Context(), f, files) },
	}
	f.publisherFlags.add(env, command)
	command.Flags().StringVar(&f.segment, "segment", "", "the `SEGMENT` (required)")
	_ = command.MarkFlagRequired("segment") // it was defined above
	command.Flags().BoolVar(&f.allowEmpty, "allow-empty", false, "end the refresh also where there is no row: everybody leaves")
	f.addFormat(command)
	return command
}

func (f *inputFlags) addFormat(command *cobra.Command) {
	f.feedFlags.add(command)
	command.Flags().StringVar(&f.format, "format", string(publish.Auto), "csv, ndjson, or auto: by the file's extension, else by its first character")
}

// options are how rows are read.
func (f *inputFlags) options() (publish.ReadOptions, error) {
	o := publish.ReadOptions{Format: publish.Format(f.format), Segment: f.segment}
	switch o.Format {
	case publish.Auto, publish.CSV, publish.NDJSON:
	default:
		return o, misuse("--format is %q: it is csv, ndjson or auto", f.format)
	}
	if f.segment != "" && !segment.ValidToken([]byte(f.segment)) {
		return o, misuse("--segment is %q: a segment's name is 1 to 64 letters, digits, _ and -", f.segment)
	}
	if err := f.feedFlags.options(&o); err != nil {
		return o, err
	}
	if f.change == "" {
		return o, nil
	}
	change, err := publish.ParseChange(f.change)
	if err != nil {
		return o, misuse("--change is %q: it is entered or exited", f.change)
	}
	o.Change = change
	return o, nil
}

func (e *Env) publish(ctx context.Context, f *inputFlags, files []string) error {
	return e.input(ctx, f, files, func(ctx context.Context, s sink, in *input) (publish.Summary, error) {
		err := in.each(func(item publish.Item) error {
			if item.Erased {
				return s.Erase(ctx, item.Row.Profile, item.Emails)
			}
			return s.Publish(ctx, item.Row)
		})
		sum, flushErr := s.Flush(ctx)
		if err == nil {
			err = flushErr
		}
		return sum, err
	})
}

func (e *Env) refresh(ctx context.Context, f *inputFlags, files []string) error {
	return e.input(ctx, f, files, func(ctx context.Context, s sink, in *input) (publish.Summary, error) {
		in.report.refresh = f.segment
		sum, err := s.Refresh(ctx, f.segment, func(yield func(publish.Row) error) error {
			err := in.each(func(item publish.Item) error {
				if item.Erased {
					return &publish.RowError{Reason: segment.ReasonUnknownType, Detail: "an erasure is no member of a segment"}
				}
				return yield(item.Row)
			})
			if err == nil && in.report.refused > 0 {
				err = publish.ErrRefused
			}
			return err
		})
		in.report.refreshed = err == nil
		if errors.Is(err, publish.ErrRefused) {
			err = nil // the report says so, and the status is that of refused rows
		}
		return sum, err
	})
}
