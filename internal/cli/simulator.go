package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/internal/sendgrid/simulator"
)

// keysVariable holds the API keys that the simulator takes, separated by commas.
const keysVariable = "ROLLCALL_SIMULATOR_KEYS"

type simulatorFlags struct {
	simulator.Options
	listen   string
	faults   string
	switches []string
}

func newSimulatorCommand(env *Env) *cobra.Command {
	f := simulatorFlags{}
	command := &cobra.Command{
		Use:   "simulator",
		Short: "Serve SendGrid's marketing API for trying senders out",
		Long: "Serves /v3/… as SendGrid does: writes are queued and applied half a minute later by a clock that can run faster, with its\n" +
			"jobs, limits and ways of failing (docs/simulator.md). Everything is in memory. Lists and fields are made through the API.\n" +
			"/simulator/v1/{state,contacts,history,requests,jobs,faults} are for audits.\n\n" +
			"API keys: --api-key, else " + keysVariable + " (separated by commas), else SG.simulator.",
		Example: "  consumer simulator --clock-scale 30\n" +
			"  curl -s -H 'Authorization: Bearer SG.simulator' -d '{\"name\":\"Newsletter\"}' http://127.0.0.1:8781/v3/marketing/lists",
		Args: arguments(),
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := env.untilSignal(command.Context())
			defer stop()
			defer env.outliveTerminal()()
			return env.simulate(ctx, f)
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8781", "address to serve on")
	flags.StringArrayVar(&f.Keys, "api-key", nil, "an API key that is taken; repeats")
	flags.Float64Var(&f.ClockScale, "clock-scale", 1, "seconds of its clock a second")
	flags.Uint64Var(&f.Seed, "seed", 1, "what ids, delays and faults are made from")
	flags.StringVar(&f.faults, "faults", "", "file with a plan of faults, as POST /simulator/v1/faults takes it")
	flags.BoolVar(&f.Inspect, "inspect", false, "serve /simulator/v1 to other machines too")
	flags.StringSliceVar(&f.switches, "switch", nil, "what SendGrid may do otherwise: "+strings.Join(simulator.Switches(), ", "))
	return command
}

func (e *Env) simulate(ctx context.Context, f simulatorFlags) error {
	if f.ClockScale < 1 || f.ClockScale > 1000 {
		return misuse("--clock-scale is %g: it goes from 1 to 1000", f.ClockScale)
	}
	for _, name := range f.switches {
		if err := f.Switch(name); err != nil {
			return misuse("--switch: %w", err)
		}
	}
	if set, _ := e.LookupEnv(keysVariable); len(f.Keys) == 0 && set != "" {
		f.Keys = strings.Split(set, ",")
	}
	sim := simulator.New(f.Options)
	if err := readFaults(sim, f.faults); err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", f.listen, err)
	}
	fmt.Fprintf(e.Stderr, "the simulator serves http://%s/v3/… at %g seconds a second; http://%s/simulator/v1/state shows its numbers\n",
		listener.Addr(), f.ClockScale, listener.Addr())
	return serveUntil(ctx, &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}, listener)
}

// serveUntil serves until the context ends; answers under way get five seconds.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close() // what is slow by order of a fault is given up
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	}
	return nil
}

// readFaults sets the plan of a file.
func readFaults(sim *simulator.Simulator, path string) error {
	if path == "" {
		return nil
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return misuse("--faults: %w", err)
	}
	var plan simulator.Plan
	if err := json.Unmarshal(body, &plan); err != nil {
		return misuse("--faults: %s is no plan of faults: %w (docs/simulator.md shows one)", path, err)
	}
	if err := sim.SetPlan(plan); err != nil {
		return misuse("--faults: %s: %w", path, err)
	}
	return nil
}
