package cli

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"rollcall/internal/app"
	"rollcall/internal/telemetry"
)

func newRunCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run every destination of the configuration",
		Long: "Keeps the lists of all destinations equal to their segments until it is stopped.\n\n" +
			"SIGTERM or SIGINT stop it gracefully: what was folded is committed, answers under way are recorded within ten\n" +
			"seconds, and the ledger keeps the rest. A second signal stops it at once; nothing is lost by that either.",
		Example: "  consumer run --config rollcall.yaml",
		Args:    arguments(),
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := env.untilSignal(command.Context())
			defer stop()
			defer env.outliveTerminal()()
			return env.run(ctx)
		},
	}
}

func (e *Env) run(ctx context.Context) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	log, err := newLog(cfg.Log, e.Stderr)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }() // a terminal can't be synced
	if !forPeople(cfg.Log, e.Stderr) {
		e.log.Store(log)
	}
	if cfg.MemoryLimit > 0 {
		debug.SetMemoryLimit(cfg.MemoryLimit)
	}
	return app.Run(ctx, cfg, app.Options{
		Log: log, Version: e.Version, Build: telemetry.Build{Version: e.Version, ConfigHash: cfg.Hash()},
	})
}

// untilSignal gives a context that ends with the first SIGTERM or SIGINT; the second one ends the process.
// The returned function lets go of the signals.
func (e *Env) untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for heard := 0; ; heard++ {
			select {
			case <-stop:
				return
			case <-signals:
			}
			if heard > 0 {
				e.Exit(int(Failed))
			}
			e.tell("info", "stopping: what was folded is committed; a second signal stops at once", nil)
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stop)
		<-ended
		cancel()
	}
}

// outliveTerminal keeps SIGHUP from ending the process: it comes when the terminal goes, and from habit to make a service read its
// file again, which this one does at its start. The returned function lets go of the signal.
func (e *Env) outliveTerminal() func() {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-hangUps:
				e.tell("info", "SIGHUP changes nothing: a changed configuration is read by the next start", nil)
			}
		}
	}()
	return func() {
		signal.Stop(hangUps)
		close(stop)
		<-ended
	}
}
