// Package cli is the two command lines, one file a command: it reads flags and files, calls what does the
// work, and prints for people or as JSON.
//
// It guarantees the exit statuses of the contract (0 done; 1 failed; 2 misuse, or a configuration that
// can't be read; 3 done, and the answer is no), that results go to standard output and everything else to
// standard error, and that no command but those that are asked for a person names one. It decides nothing
// about events, contacts or lists.
package cli

import (
	"context"
	"io"
	"os"
	"slices"
	"sync/atomic"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"rollcall/internal/config"
	"rollcall/internal/demo"
)

// Env is what a command line has of its process; tests bring their own.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	LookupEnv      config.LookupEnv
	Version        string
	Exit           func(status int) // ends the process at once, for a second signal

	configPath string // --config
	natsURL    string // --nats-url

	inboxPrefix string // --inbox-prefix
	json        bool   // --json

	log atomic.Pointer[zap.Logger] // of `run`, where it logs JSON: what is said beside goes there too

	tamper func(*demo.Options) // of tests: what a demo's audit has to find
	person bool                // of tests: somebody answers on standard input
}

// System is the environment of this process. Only main may end a process, so it brings what does.
func System(version string, exit func(status int)) *Env {
	return &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		LookupEnv: os.LookupEnv, Version: version, Exit: exit,
	}
}

// Main runs a root command with its arguments and gives the exit status, having said on standard error
// what went wrong.
func Main(ctx context.Context, env *Env, root *cobra.Command, arguments []string) int {
	ran := false
	env.json = slices.Contains(arguments, "--json") // also for what is wrong with the arguments themselves
	prepare(root, &ran)
	root.SetArgs(arguments)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	return env.report(root.Name(), err, ran)
}

// prepare makes errors ours to print, and notes whether a command got as far as running: what fails before
// is misuse.
func prepare(command *cobra.Command, ran *bool) {
	command.SilenceErrors, command.SilenceUsage = true, true
	if run := command.RunE; run != nil {
		command.RunE = func(c *cobra.Command, arguments []string) error {
			*ran = true
			return run(c, arguments)
		}
	}
	for _, child := range command.Commands() {
		prepare(child, ran)
	}
}
