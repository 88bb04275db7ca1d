package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/internal/publish"
	"rollcall/internal/segment"
)

// generateFlags describe a population.
type generateFlags struct {
	publisherFlags
	publish.Population
	publish bool
}

func newGenerateCommand(env *Env) *cobra.Command {
	f := &generateFlags{}
	command := &cobra.Command{
		Use:   "generate",
		Short: "Make up a population with churn",
		Long: "Writes the events of a made-up population to standard output, one a line, or publishes them with --publish: profiles in\n" +
			"overlapping segments who come, and some of whom leave, come back, flap and change. The same flags give the same profiles.",
		Example: "  publisher generate --profiles 1000 --seed 7 > events.ndjson\n  publisher generate --profiles 100000 --publish --create",
		Args:    arguments(),
		RunE:    func(command *cobra.Command, _ []string) error { return env.generate(command.Context(), f) },
	}
	f.add(env, command)
	flags := command.Flags()
	flags.BoolVar(&f.publish, "publish", false, "publish the events instead of writing them out")
	flags.IntVar(&f.Profiles, "profiles", 1000, "how many profiles")
	flags.Uint64Var(&f.Seed, "seed", 1, "what everything is made from")
	flags.StringSliceVar(&f.Segments, "segments", publish.DefaultSegments, "names of the segments")
	flags.Float64Var(&f.BadEmails, "bad-emails", 0.01, "share of the profiles that come without a usable e-mail")
	flags.Float64Var(&f.Churn, "churn", 0.25, "share of the profiles that change after they came")
	flags.IntVar(&f.Changes, "changes", 2, "how often those change")
	return command
}

func (f *generateFlags) check() error {
	for _, name := range f.Segments {
		if !segment.ValidToken([]byte(name)) {
			return misuse("--segments has %q: a segment's name is 1 to 64 letters, digits, _ and -", name)
		}
	}
	switch {
	case f.Profiles < 0 || f.Changes < 0:
		return misuse("--profiles and --changes are 0 at least")
	case f.BadEmails < 0 || f.BadEmails > 1 || f.Churn < 0 || f.Churn > 1:
		return misuse("--bad-emails and --churn are shares, from 0 to 1")
	case f.dryRun && !f.publish:
		return misuse("--dry-run is for --publish; without it nothing is published anyway")
	}
	if f.Changes == 0 {
		f.Changes, f.Churn = 1, 0
	}
	return nil
}

func (e *Env) generate(ctx context.Context, f *generateFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if !f.publish {
		if err := f.WriteEvents(e.Stdout); err != nil {
			return fmt.Errorf("write the events: %w", err)
		}
		return nil
	}
	r := newPublisherReport(e, newPublisherProgress(e, f.Count()))
	return f.publication(ctx, e, r, func(ctx context.Context, s sink) (publish.Summary, error) {
		err := f.Rows(func(row publish.Row) error {
			r.rows++
			return s.Publish(ctx, row)
		})
		sum, flushErr := s.Flush(ctx)
		if err == nil {
			err = flushErr
		}
		return sum, err
	})
}
