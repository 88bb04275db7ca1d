//go:build integration

package integration

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// death is how a container's process ended, as the daemon tells it.
type death struct {
	id, started, ended string
	status             int
	oom                bool
}

// killed tells whether it was SIGKILL, and not a fault of its own.
func (d death) killed() bool { return d.status == 128+9 && !d.oom && d.ended > d.started }

// stopped tells whether it ended well when it was asked to.
func (d death) stopped() bool { return d.status == 0 && !d.oom && d.ended > d.started }

func (d death) time() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, d.ended) // an unreadable one shows as a take-over of centuries
	return t
}

// row is one scenario of the table. What the daemon and the ledger saw counts, never how often a loop went round.
type row struct {
	scenario    string
	wantKills   int
	wantStops   int
	wantCuts    int
	wantFull    int // disks
	full        int // that the daemon had no room on
	deaths      []death
	unclaimed   int // kills after which nobody else claimed
	cuts        int // of networks, seen by the daemon while they lasted
	events      int // published and acknowledged
	redelivered int // handed out, not committed by the claim that followed, so handed out again
	requests    int // that SendGrid had
	took        []time.Duration
	bound       time.Duration // for the median of took; 0 is none, also for the worst
	lost        int           // events that nothing accounts for, and changes of the list that nothing explains
	wrong       int           // contacts that are not as the events say
	listed      int
	lasted      time.Duration
}

// kills are the different deaths by SIGKILL that somebody took over after.
func (r *row) kills() int { return r.count(death.killed) - r.unclaimed }

// stops are the different good ends.
func (r *row) stops() int { return r.count(death.stopped) }

func (r *row) count(how func(death) bool) int {
	seen := map[string]bool{}
	for _, d := range r.deaths {
		if how(d) {
			seen[d.id+d.ended] = true
		}
	}
	return len(seen)
}

// faults says what of the row must not be.
func (r *row) faults() (all []string) {
	say := func(bad bool, format string, a ...any) {
		if bad {
			all = append(all, r.scenario+": "+fmt.Sprintf(format, a...))
		}
	}
	say(r.kills() != r.wantKills, "%d kills were seen, the table says %d", r.kills(), r.wantKills)
	say(r.stops() != r.wantStops, "%d stops were seen, the table says %d", r.stops(), r.wantStops)
	say(r.cuts != r.wantCuts, "%d cuts were seen, the table says %d", r.cuts, r.wantCuts)
	say(r.full != r.wantFull, "%d disks were full, the table says %d", r.full, r.wantFull)
	say(r.events == 0, "no events")
	say(r.requests == 0, "no requests")
	say(r.listed == 0, "nobody is listed: there is nothing to be right")
	say(r.lost > 0, "%d lost", r.lost)
	say(r.wrong > 0, "%d wrong", r.wrong)
	if r.bound > 0 && len(r.took) > 0 {
		// One of ten may meet an election among brokers that a loaded machine has kept waiting; most may not.
		median, worst := r.median(), slices.Max(r.took)
		say(median > r.bound, "taken over after %v, in the median; the bound is %v", median, r.bound)
		say(worst > election, "once taken over after %v; the bound is %v", worst, election)
	}
	return all
}

// median is the middle one of took, the later of two.
func (r *row) median() time.Duration {
	return slices.Sorted(slices.Values(r.took))[len(r.took)/2]
}

func (r *row) String() string {
	median, worst := "-", "-"
	if len(r.took) > 0 {
		median = fmt.Sprintf("%.1f", r.median().Seconds())
		worst = fmt.Sprintf("%.1f", slices.Max(r.took).Seconds())
	}
	return fmt.Sprintf("%-61s %5d %5d %4d %8d %11d %8d %8s %6s %6d %4d %5d %5.0f", r.scenario, r.kills(), r.stops(), r.cuts, r.events, r.redelivered, r.requests,
		median, worst, r.listed, r.lost, r.wrong, r.lasted.Seconds())
}

var table struct {
	sync.Mutex
	rows []*row
}

const header = "scenario                                                      kills stops cuts   events redelivered requests median s  worst listed lost wrong  took s"

func report(t *testing.T, r *row) {
	t.Helper()
	table.Lock()
	table.rows = append(table.rows, r)
	table.Unlock()
	t.Logf("\n%s\n%s", header, r)
	for _, fault := range r.faults() {
		t.Error(fault)
	}
}

// printTable is the end of the suite's output.
func printTable() {
	table.Lock()
	defer table.Unlock()
	if len(table.rows) == 0 {
		return
	}
	lines := []string{"scenarios (median and worst: seconds until an event that was published after the trouble began was taken over)", header}
	for _, r := range table.rows {
		lines = append(lines, r.String())
	}
	fmt.Println(strings.Join(lines, "\n"))
}

// The table can't say more than was seen.
func TestARowWithFewerKillsOrCutsThanItSaysFails(t *testing.T) {
	died := func(n int) death {
		return death{id: "c", started: "2026-11-25T12:00:00Z", ended: fmt.Sprintf("2026-11-25T12:00:%02dZ", n), status: 137}
	}
	stopped := death{id: "d", started: "2026-11-25T12:00:00Z", ended: "2026-11-25T12:00:09Z"}
	good := func() *row {
		return &row{
			scenario: "kills", wantKills: 2, wantStops: 1, wantCuts: 1, deaths: []death{died(1), died(2), stopped}, cuts: 1, events: 1, requests: 1, listed: 1,
			took: []time.Duration{time.Second}, bound: 2 * time.Second,
		}
	}
	if faults := good().faults(); len(faults) > 0 {
		t.Fatalf("a good row: %v", faults)
	}
	for name, spoil := range map[string]func(*row){
		"one kill fewer":           func(r *row) { r.deaths = r.deaths[1:] },
		"the same death twice":     func(r *row) { r.deaths[1] = r.deaths[0] },
		"it stopped by itself":     func(r *row) { r.deaths[1].status = 0 },
		"it ran out of memory":     func(r *row) { r.deaths[1].oom = true },
		"one stop fewer":           func(r *row) { r.deaths = r.deaths[:2] },
		"a stop that was none":     func(r *row) { r.deaths[2].ended = "2026-11-25T11:59:00Z" },
		"a stop that failed":       func(r *row) { r.deaths[2].status = 1 },
		"nobody claimed after one": func(r *row) { r.unclaimed = 1 },
		"a cut that was none":      func(r *row) { r.cuts = 0 },
		"no events":                func(r *row) { r.events = 0 },
		"an empty list":            func(r *row) { r.listed = 0 },
		"one lost":                 func(r *row) { r.lost = 1 },
		"one wrong":                func(r *row) { r.wrong = 1 },
		"most take-overs too slow": func(r *row) { r.took = append(r.took, 3*time.Second, 3*time.Second) },
		"one that took minutes":    func(r *row) { r.took = append(r.took, time.Second, 2*time.Minute) },
	} {
		r := good()
		spoil(r)
		if len(r.faults()) == 0 {
			t.Errorf("%s: the row passes", name)
		}
	}
}
