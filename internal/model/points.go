package model

import (
	"fmt"
	"time"

	"rollcall/internal/pipeline"
)

// The points where a crash strikes inside a call: what the pipeline's own steps lie around.
const (
	stored  = "appended" // an entry is stored at the broker, its writer does not know
	written = "written"  // a request is on the wire, whatever becomes of its sender
)

// points are all the points of an event's way where a replica can be killed, by name: the pipeline's steps, and those
// inside its calls.
func points() []string {
	all := []string{stored, written}
	for _, s := range pipeline.Steps() {
		all = append(all, s.String())
	}
	return all
}

// point is told of each step that the pipeline takes. From a crash on nothing that the replica does has an effect.
func (p *process) point(s pipeline.Step) {
	p.w.mu.Lock()
	once := p.w.at[s]
	delete(p.w.at, s)
	p.w.mu.Unlock()
	if once != nil {
		once(p)
	}
	if p.w.strikes(s.String()) {
		p.die()
	}
}

// when has something done at the next step of a kind, by whoever takes it.
func (w *world) when(s pipeline.Step, do func(*process)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[s] = do
}

// crashes plays a story in which the replica is killed at one point, started again, killed at the next, and so on,
// whether it recovers or works then.
type crashes struct {
	w      *world
	at     []string // where it is killed
	struck int      // how often it was
	armed  bool     // the next one is set
	down   bool     // the story has stopped it
}

// PlayCrashes plays a story and kills its replica at each of these points, one after the other: each counts from the
// start after the kill before. It returns how many struck, and what was wrong in the end.
func PlayCrashes(story Story, seed uint64, at []string, trace func(string, ...any)) (struck int, err error) {
	c := &crashes{w: newWorld(seed, planOf(story), trace), at: at}
	defer c.w.close()
	c.arm()
	for i, o := range story {
		c.w.tell("-- %s %v", o.Verb, o.Args)
		if err := c.do(o); err != nil {
			return c.struck, fmt.Errorf("operation %d (%s %v): %w", i+1, o.Verb, o.Args, err)
		}
	}
	if err := c.w.settle(); err != nil {
		return c.struck, err
	}
	return c.struck, c.w.compare()
}

// arm arms the next point, once the one before has struck.
func (c *crashes) arm() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if c.armed && c.w.arms[c.at[c.struck]] == 0 {
		c.struck++
		c.armed = false
	}
	if !c.armed && c.struck < len(c.at) {
		c.w.arms[c.at[c.struck]], c.armed = 1, true
	}
}

// do takes a step of the story, with a replica that is there for it.
func (c *crashes) do(o Op) error {
	c.revive()
	c.down = o.Verb == "stop" || c.down && o.Verb != "start"
	if o.Verb != "wait" {
		if err := verbs[o.Verb](c.w, o); err != nil {
			return err
		}
		c.w.watch.truth()
		return c.w.failed()
	}
	left, err := time.ParseDuration(o.arg(0))
	for ; left > 0 && err == nil; left -= restartAfter {
		c.w.sleep(min(left, restartAfter))
		c.revive()
		err = c.w.failed()
	}
	return err
}

// restartAfter is how long a replica that was killed stays away, at most.
const restartAfter = 300 * time.Millisecond

// revive starts a replica where the last one was killed.
func (c *crashes) revive() {
	c.arm()
	if n := len(c.w.replicas); n > 0 && !c.down && !c.w.replicas[n-1].running() {
		c.w.start()
	}
}
