package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/ledger"
	"rollcall/internal/state"
)

// Loaded is what loading a ledger took.
type Loaded struct {
	Seconds  float64 `json:"seconds"`
	Listed   int     `json:"listed"`
	Contacts int     `json:"contacts"`
	Base     uint64  `json:"base"`     // resident bytes before
	Resident uint64  `json:"resident"` // and after, with what the loading needed given back
}

// Load loads a destination's ledger as a starting replica does, and tells what it took. It is for a
// process of its own: what others left in memory would count as the process's base.
func Load(ctx context.Context, url, destination string) (Loaded, error) {
	conn, err := broker.Connect(ctx, broker.Options{URL: url, Name: "bench-load"}, nil)
	if err != nil {
		return Loaded{}, err
	}
	defer conn.Close()
	installation, err := conn.Installation(ctx)
	if err != nil {
		return Loaded{}, err
	}
	debug.FreeOSMemory()
	out := Loaded{Base: resident()}
	began := time.Now()
	journal, err := ledger.Open(ctx, conn.JS, destination, ledger.Options{})
	if err != nil {
		return Loaded{}, err
	}
	state := state.NewState(state.Policy{}, installation.TombstoneSalt)
	if _, err := journal.Load(ctx, state.Read, func(_ uint64, body []byte) error { return state.Apply(body) }); err != nil {
		return Loaded{}, err
	}
	out.Seconds = time.Since(began).Seconds()
	debug.FreeOSMemory()
	out.Resident = resident()
	st := state.Stats()
	out.Listed, out.Contacts = st.Listed, st.Contacts
	return out, nil
}

// tellLoad has a new process load the ledger.
func tellLoad(ctx context.Context, o Options, url, destination string, w Workload) error {
	args := append(append([]string{}, o.Loader[1:]...), url, destination)
	text, err := exec.CommandContext(ctx, o.Loader[0], args...).Output()
	if err != nil {
		return fmt.Errorf("load the ledger in a process of its own: %w", err)
	}
	var l Loaded
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("read what loading the ledger took: %w", err)
	}
	if l.Listed != w.Profiles {
		return fmt.Errorf("the loaded ledger lists %d contacts, want %d", l.Listed, w.Profiles)
	}
	fmt.Fprintf(o.Said, "  load       %d contacts in %.2f s, %.0f bytes resident per listed contact beyond the process's base of %d MiB\n",
		l.Listed, l.Seconds, float64(l.Resident-min(l.Base, l.Resident))/float64(l.Listed), l.Base>>20)
	return nil
}

// resident is how many bytes of this process are in memory, as Linux tells it; 0 elsewhere.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
