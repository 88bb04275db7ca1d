package cli

import (
	"context"
	"errors"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"rollcall/internal/broker"
	"rollcall/internal/publish"
)

// Publisher is the root of the publisher's commands.
func Publisher(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "publisher",
		Short: "Publishes who is in a segment and who is not",
		Long: "Sends segment membership to the stream that Rollcall's consumers read: from files, one by one, or made up.\n" +
			"Of the configuration file it reads the nats section, and the destinations to tell what they could make of the rows; it needs no file\n" +
			"where a broker is named otherwise.\n\n" +
			"Exit status: 0 done; 1 failed; 2 misuse, or an input or configuration that can't be read; 3 done, but rows were refused.",
		Version: env.Version,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	env.connectionFlags(root)
	root.AddCommand(newPublishCommand(env), newRefreshCommand(env), newExitCommand(env), newEraseCommand(env), newGenerateCommand(env))
	return root
}

// publisherFlags are what every command that publishes knows.
type publisherFlags struct {
	stream, source string
	window         int
	create, dryRun bool
	allowEmpty     bool // of a refresh
}

func (f *publisherFlags) add(env *Env, command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.stream, "stream", broker.DefaultEventStream, "`STREAM` to publish to; whether it is keyed is seen from its subjects")
	flags.StringVar(&f.source, "source", publish.DefaultSource, "`SOURCE` of the events, a URI reference that names the publisher")
	flags.IntVar(&f.window, "window", publish.DefaultWindow, "how many events may be on their way, not yet acknowledged")
	flags.BoolVar(&f.create, "create", false, "make a keyed stream where there is none")
	flags.BoolVar(&f.dryRun, "dry-run", false, "judge every row as a publication would, and publish nothing")
	env.jsonFlag(command)
}

// sink is a publication or its rehearsal.
type sink interface {
	Publish(context.Context, publish.Row) error
	Erase(ctx context.Context, profile string, emails []string) error
	Refresh(context.Context, string, publish.Rows) (publish.Summary, error)
	Flush(context.Context) (publish.Summary, error)
	Close()
}

// open connects and opens the stream, or rehearses.
func (f *publisherFlags) open(ctx context.Context, env *Env, observe func(publish.Progress)) (sink, func(), error) {
	if f.window < 1 {
		return nil, nil, misuse("--window is %d: it is 1 at least", f.window)
	}
	section, err := env.loadNATS()
	if err != nil {
		return nil, nil, err
	}
	conn, disconnect, err := connect(ctx, section, quiet())
	if err != nil {
		return nil, nil, err
	}
	options := publish.Options{Stream: f.stream, Source: f.source, Create: f.create, Window: f.window, AllowEmpty: f.allowEmpty, Observe: observe}
	var s sink
	if f.dryRun {
		s, err = publish.Rehearse(ctx, conn, options)
	} else {
		s, err = publish.Open(ctx, conn, options)
	}
	if err != nil {
		disconnect()
		return nil, nil, err
	}
	return s, func() { s.Close(); disconnect() }, nil
}

// interruptible gives a context that ends with the first SIGTERM or SIGINT. From then on a signal ends the process as usual.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// publication runs one publication with its report. run publishes, and says what came of it.
func (f *publisherFlags) publication(parent context.Context, env *Env, r *publisherReport, run func(context.Context, sink) (publish.Summary, error)) error {
	ctx, stop := interruptible(parent)
	defer stop()
	s, closeAll, err := f.open(ctx, env, r.progress.observe)
	if err != nil {
		return err
	}
	defer closeAll()
	r.begin(f)
	r.sum, err = run(ctx, s)
	r.progress.clear()
	if printErr := r.print(env, err); err == nil && printErr != nil {
		return printErr
	}
	switch {
	case err != nil && ctx.Err() != nil && parent.Err() == nil:
		return &ExitError{Status: Failed, Err: errors.New("interrupted: what is not acknowledged may be stored or not; publishing again is safe")}
	case err != nil:
		return err
	case r.refused > 0:
		return no()
	}
	return nil
}
