package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"rollcall/internal/demo/bench"
)

func newBenchCommand(env *Env) *cobra.Command {
	o := bench.Options{}
	var profiles string
	command := &cobra.Command{
		Use:    "bench",
		Short:  "Measure the whole pipeline against a floor on the same events",
		Hidden: true, // for those who work on Rollcall: `make bench`
		Args:   arguments(),
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := env.untilSignal(command.Context())
			defer stop()
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			o.Said, o.Loader = env.Stdout, []string{self, "bench", "load"}
			if profiles != "" {
				o.Profiler = func(name string) func() { return profile(filepath.Join(profiles, name+".pprof"), env) }
			}
			return bench.Run(ctx, o)
		},
	}
	command.Flags().IntVar(&o.Events, "events", 1_000_000, "events of each workload")
	command.Flags().IntVar(&o.Rounds, "rounds", 2, "runs of each side; the fastest counts")
	command.Flags().StringVar(&profiles, "profiles", "", "directory for a CPU profile of each run of the pipeline")
	command.AddCommand(&cobra.Command{
		Use:   "load URL DESTINATION",
		Short: "Load a ledger and tell what it takes",
		Args:  arguments("URL", "DESTINATION"),
		RunE: func(command *cobra.Command, args []string) error {
			loaded, err := bench.Load(command.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return printJSON(env.Stdout, loaded)
		},
	})
	command.AddCommand(
		newOperatedBench(env, "replay", "Measure a forced replay of a stream beside live changes", 100_000, bench.Replay),
		newOperatedBench(env, "explain", "Measure explain on a ledger, with a consumer and without", 1_000_000, bench.Explain),
		newOperatedBench(env, "outage", "Measure an outage of SendGrid under events, and the catching up", 500_000, bench.Outage))
	return command
}

// newOperatedBench measures an operator's command, in processes of this program.
func newOperatedBench(env *Env, use, short string, contacts int, measure func(context.Context, bench.Operated) error) *cobra.Command {
	o := bench.Operated{}
	command := &cobra.Command{
		Use: use, Short: short, Args: arguments(),
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := env.untilSignal(command.Context())
			defer stop()
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			o.Said, o.Self = env.Stdout, self
			return measure(ctx, o)
		},
	}
	command.Flags().IntVar(&o.Events, "events", 1_000_000, "events on the stream")
	command.Flags().IntVar(&o.Contacts, "contacts", contacts, "contacts of the destination")
	command.Flags().Int64Var(&o.Memory, "memory-limit", 1<<30, "memory_limit of the consumer in bytes; 0 is none")
	return command
}

// profile writes a CPU profile until the function that it returns is called.
func profile(path string, env *Env) func() {
	file, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "no profile: %v\n", err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // what could be written was
	}
}
