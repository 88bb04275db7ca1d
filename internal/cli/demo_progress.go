package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"rollcall/internal/demo"
)

// demoProgress shows how a demo goes: one line that changes on a terminal, a line every few seconds
// elsewhere.
type demoProgress struct {
	env      *Env
	to       io.Writer
	terminal bool
	last     time.Time
	drawn    bool
}

func newDemoProgress(env *Env) *demoProgress {
	return &demoProgress{env: env, to: env.Stderr, terminal: isTerminal(env.Stderr) && !env.json}
}

func (p *demoProgress) update(now demo.Progress) {
	st := now.Stats
	p.say(fmt.Sprintf("%5.1fs  %s: published %s of %s, taken over %s, accepted %s, applied %s, listed %s, waiting %s",
		now.Elapsed.Seconds(), now.Phase, count(now.Published), count(now.Rows), count(st.Events),
		count(st.Accepted[1]+st.Accepted[2]), count(st.Applied[1]+st.Applied[2]), count(st.Listed), count(st.Waiting)))
}

// say shows a line, where the last one is old enough.
func (p *demoProgress) say(line string) {
	every := 5 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	if time.Since(p.last) < every {
		return
	}
	p.last = time.Now()
	if p.terminal {
		p.drawn = true
		fmt.Fprintf(p.to, "\r\x1b[K%s", line)
		return
	}
	p.env.tell("info", line, nil)
}

// end leaves the line that changes.
func (p *demoProgress) end() {
	if p.drawn {
		p.drawn = false
		fmt.Fprintln(p.to)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
