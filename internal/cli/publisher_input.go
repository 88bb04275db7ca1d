package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"rollcall/internal/publish"
	"rollcall/internal/segment"
)

// standardInput stands for it among the files, and in messages.
const standardInput = "-"

// inputFlags are those of commands that read files.
type inputFlags struct {
	publisherFlags
	segment, format, change string
}

func newPublishCommand(env *Env) *cobra.Command {
	f := &inputFlags{}
	command := &cobra.Command{
		Use:   "publish [FILE…]",
		Short: "Publish the rows of files, or of standard input",
		Long: "Publishes each row as an event, in order for each profile.\n\n" +
			"CSV: a header with profile_id; segment_id and change are columns, or --segment and --change say them for all; every other column\n" +
			"is an attribute, as text, an empty cell null. NDJSON: events, whose id and source are made anew, or profiles\n" +
			"({\"profile_id\":…,\"attributes\":{…}}) with --segment. A row that the consumer could not read is reported with its line and reason\n" +
			"on standard error, and the others go on.",
		Example: "  publisher publish --segment high-value --change entered people.csv\n" +
			"  engine export | publisher publish --segment high-value --format ndjson\n" +
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

// input is the rows of the files that a command was given.
type input struct {
	env     *Env
	files   []string
	options publish.ReadOptions
	report  *publisherReport
}

func (e *Env) input(ctx context.Context, f *inputFlags, files []string, run func(context.Context, sink, *input) (publish.Summary, error)) error {
	options, err := f.options()
	if err != nil {
		return err
	}
	if len(files) == 0 {
		files = []string{standardInput}
	}
	in := &input{env: e, files: files, options: options, report: newPublisherReport(e, newPublisherProgress(e, 0))}
	if err := in.measure(); err != nil {
		return err
	}
	err = f.publication(ctx, e, in.report, func(ctx context.Context, s sink) (publish.Summary, error) { return run(ctx, s, in) })
	if errors.Is(err, publish.ErrInput) {
		return &ExitError{Status: Misuse, Err: err}
	}
	return err
}

// measure adds up how much there is to read, where that can be known, before anything is published.
func (in *input) measure() error {
	total := int64(0)
	for _, name := range in.files {
		size, err := in.size(name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if size < 0 {
			return nil
		}
		total += size
	}
	in.report.progress.total.Store(total)
	return nil
}

// size is a file's, -1 where it has none.
func (in *input) size(name string) (int64, error) {
	var info os.FileInfo
	var err error
	if name != standardInput {
		info, err = os.Stat(name)
	} else if file, ok := in.env.Stdin.(*os.File); ok {
		info, err = file.Stat()
	}
	switch {
	case err != nil:
		return 0, err
	case info != nil && info.IsDir():
		return 0, errors.New("it is a directory")
	case info == nil || !info.Mode().IsRegular():
		return -1, nil
	}
	return info.Size(), nil
}

// each gives every readable row to take, and reports the others and those that take refuses.
func (in *input) each(take func(publish.Item) error) error {
	for _, name := range in.files {
		if err := in.file(name, take); err != nil {
			return err
		}
	}
	return nil
}

func (in *input) file(name string, take func(publish.Item) error) error {
	from, shown := in.env.Stdin, "standard input"
	if name != standardInput {
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		defer file.Close()
		from, shown = io.Reader(file), name
	} else if isTerminal(from) {
		in.env.tell("info", "reading rows from the terminal; end with Ctrl-D", nil)
	}
	options := in.options
	options.Name = name
	var ours error // of publishing: the file is not to blame
	err := publish.Read(counted{from, &in.report.progress.read}, options, func(item publish.Item) error {
		in.report.rows++
		in.report.progress.rows.Add(1)
		err := item.Err
		if err == nil {
			err = take(item)
		}
		if refused, ok := errors.AsType[*publish.RowError](err); ok {
			in.report.refuse(shown, item.Line, refused)
			return nil
		}
		ours = err
		return err
	})
	if err != nil && ours == nil {
		return fmt.Errorf("%s: %w", shown, err)
	}
	return err
}
