package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"rollcall/internal/config"
	"rollcall/internal/demo"
	"rollcall/internal/people"
)

// demoScale is how many times faster than SendGrid's the simulator's clock goes in a demo.
const demoScale = 30

func newDemoCommand(env *Env) *cobra.Command {
	o := demo.Options{}
	var realTime, verbose bool
	command := &cobra.Command{
		Use:   "demo",
		Short: "Do the main job in one process on an embedded broker and simulator, then audit it",
		Long: "Publishes a generated population in three overlapping segments, with joins, leaves, flapping and changes, keeps a simulated\n" +
			"SendGrid list equal to it under a cap, and compares the list at the end, contact by contact and field by field, with an\n" +
			"independent computation over the same events. Exit status: 0 the list is right; 3 it is not; 1 it could not be told.",
		Example: "  consumer demo\n  consumer demo --profiles 5000 --real-time\n  consumer demo --keep",
		Args:    arguments(),
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := env.untilSignal(command.Context())
			defer stop()
			if realTime {
				o.ClockScale = 1
			}
			return env.demo(ctx, o, verbose)
		},
	}
	flags := command.Flags()
	flags.IntVar(&o.Profiles, "profiles", 100_000, "how many profiles to generate")
	flags.Uint64Var(&o.Seed, "seed", 1, "what population, ids and delays are made from")
	flags.IntVar(&o.Cap, "cap", 0, "profile cap of the destination; 0 is two thirds of the profiles")
	flags.Float64Var(&o.ClockScale, "clock-scale", demoScale, "how many times faster than SendGrid the simulator is")
	flags.BoolVar(&realTime, "real-time", false, "SendGrid's true delays: --clock-scale 1")
	flags.BoolVar(&o.Keep, "keep", false, "keep everything running after the audit, for a look")
	flags.BoolVar(&verbose, "verbose", false, "show the consumer's log")
	env.jsonFlag(command)
	return command
}

func (e *Env) demo(ctx context.Context, o demo.Options, verbose bool) error {
	if o.Profiles < 1 {
		return misuse("--profiles is %d: at least one is needed", o.Profiles)
	}
	if o.ClockScale < 1 || o.ClockScale > 1000 {
		return misuse("--clock-scale is %g: it goes from 1 to 1000", o.ClockScale)
	}
	o.Log, o.Version, o.Said = zap.NewNop(), e.Version, e.Stderr
	if verbose {
		log, err := newLog(config.Log{Level: "info", Format: "auto"}, e.Stderr)
		if err != nil {
			return err
		}
		o.Log = log
	}
	show := newDemoProgress(e)
	o.Progress = show.update
	o.Finished = func(r *demo.Result) error {
		show.end()
		return e.printDemo(r)
	}
	if e.tamper != nil {
		e.tamper(&o)
	}
	result, err := demo.Run(ctx, o)
	if err != nil {
		show.end()
		return err
	}
	if !result.Report.Clean() {
		return no()
	}
	return nil
}

func (e *Env) printDemo(r *demo.Result) error {
	if e.json {
		return printJSON(e.Stdout, r)
	}
	t := newTable(e.Stdout, "", "")
	for _, line := range demoLines(r) {
		t.row(line[0], line[1])
	}
	if err := t.flush(); err != nil {
		return err
	}
	report := r.Report
	if report.Clean() {
		_, err := fmt.Fprintf(e.Stdout, "\naudit: clean. %s and %s fields are as the events say; %s confirmed jobs had been applied.\n",
			people.Of(report.Listed, "contact"), count(report.Fields), count(report.Jobs))
		return err
	}
	fmt.Fprintf(e.Stdout, "\naudit: %s differences\n", count(report.Wrong))
	for kind, n := range report.Counts {
		fmt.Fprintf(e.Stdout, "  %-10s %s\n", kind, count(n))
	}
	for _, f := range report.First {
		fmt.Fprintf(e.Stdout, "  %s: event %d %s\n", f.Kind, f.Sequence, f.Detail)
	}
	return nil
}

// demoLines is the table at the end of a demo.
func demoLines(r *demo.Result) [][2]string {
	st := r.Stats
	lines := [][2]string{
		{"published", fmt.Sprintf("%s in %s", people.Of(r.Rows, "event"), r.Publishing.Round(100*time.Millisecond))},
		{"taken over", fmt.Sprintf("%s (the keyed stream had replaced the others), %s", people.Of(st.Events, "event"), people.Of(st.Commits, "commit"))},
		{"coalesced", count(st.Coalesced) + " changes that no request was needed for"},
		{"requests", demoRequests(r)},
		{"accepted", fmt.Sprintf("%s, %s", people.Of(st.Accepted[1], "upsert"), people.Of(st.Accepted[2], "removal"))},
		{"applied", fmt.Sprintf("%s, %s", people.Of(st.Applied[1], "upsert"), people.Of(st.Applied[2], "removal"))},
		{"listed", fmt.Sprintf("%s, the cap is %s", count(st.Listed), count(r.Cap))},
		{"waiting", count(st.Waiting) + " for a slot"},
		{"dead letters", demoLetters(st.Letters)},
		{"SendGrid", fmt.Sprintf("its clock is %g times as fast: applied after %s, status after %s to %s of its time", r.ClockScale, r.ApplyDelay, r.StatusMin, r.StatusMax)},
	}
	if r.PeakMemory > 0 {
		lines = append(lines, [2]string{"peak memory", count(r.PeakMemory>>20) + " MiB, with broker and simulator"})
	}
	return append(lines, [2]string{"time", r.Total.Round(100 * time.Millisecond).String()})
}

func demoRequests(r *demo.Result) string {
	var parts []string
	for _, route := range sortedKeys(r.Simulator.Requests) {
		parts = append(parts, fmt.Sprintf("%s %s", count(r.Simulator.Requests[route]), route))
	}
	return strings.Join(parts, ", ")
}

func demoLetters(letters map[string]uint64) string {
	var parts []string
	for _, reason := range sortedKeys(letters) {
		parts = append(parts, fmt.Sprintf("%s %s", count(letters[reason]), reason))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
