package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Generate makes a random story from a seed: a few profiles, segments and addresses, so that they get into
// each other's way, and faults often enough that the rarer races show.
func Generate(seed uint64) Story {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 0x9e3779b9))}
	g.profiles, g.emails, g.segments = 2+g.rng.IntN(4), 2+g.rng.IntN(4), 2
	g.rare = rand.New(rand.NewPCG(seed, 0x7a7e))
	g.header()
	if g.second = g.seldom(4) && drawBeside; g.second {
		g.openBeside()
	}
	g.add("start")
	for range 6 + g.rng.IntN(18) {
		g.step()
		g.besides()
	}
	return g.story
}

type generator struct {
	rng                          *rand.Rand
	rare                         *rand.Rand // of what few stories have, so that it leaves the others as they are
	second, secondDown           bool       // there is a second destination; its replica is down
	secondPaused                 bool
	story                        Story
	profiles, emails, segments   int
	down, paused, reconfigurable bool
	slowJobs                     bool // jobs are late, instead of requests: both together pass the horizon
	forgets                      bool // the departed: a refresh must not last longer than they are remembered, or it lacks them
	refreshes                    int
}

func (g *generator) add(line string, args ...any) {
	words := strings.Fields(fmt.Sprintf(line, args...))
	g.story = append(g.story, op(words[0], words[1:]...))
}

func (g *generator) one(in int) bool { return g.rng.IntN(in) == 0 }

func pick[T any](g *generator, all ...T) T { return all[g.rng.IntN(len(all))] }

// header is what holds for the whole story.
func (g *generator) header() {
	if g.one(2) {
		g.add("cap %d", 1+g.rng.IntN(3))
	}
	if g.one(4) {
		g.add("omit on")
	}
	if g.one(5) {
		g.add("refuse %s 0.3", pick(g, "named", "unnamed"))
	}
	if g.one(8) {
		g.add("strict 0.4")
	}
	if g.one(6) {
		g.add("guard %d", 1+g.rng.IntN(2))
	}
	if g.one(6) {
		g.segments = 3
	}
	if g.one(6) {
		g.add("exports %d", 1+g.rng.IntN(3))
	}
	if g.forgets = g.one(8); g.forgets {
		g.add("keep %ds", 3+g.rng.IntN(20))
	}
	if g.one(8) {
		g.add("miscount 1")
	}
	g.reconfigurable, g.slowJobs = g.one(3), g.one(2)
}

// weighted is a step of stories and how often it is taken.
type weighted struct {
	weight int
	take   func(*generator)
}

var steps = []weighted{
	{22, (*generator).enter},
	{12, (*generator).exit},
	{24, (*generator).wait},
	{9, (*generator).restart},
	{9, (*generator).wire},
	{7, (*generator).sim},
	{3, (*generator).arm},
	{2, (*generator).revoke},
	{3, (*generator).redeliver},
	{3, (*generator).swap},
	{4, (*generator).refresh},
	{2, (*generator).erase},
	{4, (*generator).operator},
	{2, (*generator).stray},
	{2, (*generator).marker},
}

func (g *generator) step() {
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	n := g.rng.IntN(total)
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			s.take(g)
			return
		}
	}
}

func (g *generator) profile() string { return fmt.Sprintf("p%d", 1+g.rng.IntN(g.profiles)) }
func (g *generator) segment() string { return string(rune('a' + g.rng.IntN(g.segments))) }

func (g *generator) email() string {
	if g.one(12) {
		return pick(g, "-", "0", "?", "null", "e6", "k")
	}
	return fmt.Sprintf("e%d%s", 1+g.rng.IntN(g.emails), pick(g, "", "", "", "^", "_"))
}

func (g *generator) fields() string {
	var b strings.Builder
	for _, f := range []string{"first_name", "nick", "city", "tier"} {
		if g.one(3) {
			value := pick(g, "Ada", "Bob", "", "null", "true", "0")
			if f != "tier" && g.one(12) {
				value = "LONG"
			}
			fmt.Fprintf(&b, " %s=%s", f, value)
		}
	}
	return b.String()
}

func (g *generator) enter() {
	g.add("enter %s %s %s%s", g.segment(), g.profile(), g.email(), g.fields())
}

func (g *generator) exit() {
	line := fmt.Sprintf("exit %s %s", g.segment(), g.profile())
	if g.one(4) {
		line += " " + g.email() + g.fields()
	}
	g.add("%s", line)
}

// swap lets two profiles take each other's address.
func (g *generator) swap() {
	s := g.segment()
	g.add("enter %s p1 e2%s", s, g.fields())
	g.add("enter %s p2 e1%s", s, g.fields())
}

func (g *generator) wait() {
	g.add("wait %s", pick(g, "50ms", "200ms", "600ms", "1s", "2s", "3s", "5s", "8s", "15s", "25s"))
}

// restart stops, kills or pauses the replica, and starts another, at once or later.
func (g *generator) restart() {
	switch {
	case g.down:
		g.reconfigure()
		g.add("start")
		g.down = false
	case g.paused:
		g.add("wake")
		g.paused = false
	case g.one(4):
		g.add("pause")
		g.add("start")
		g.paused = true
	case g.one(5):
		g.add("start") // a second one, that claims
	default:
		g.add("%s", pick(g, "stop", "crash", "crash"))
		g.down = true
		if g.one(2) {
			g.reconfigure()
			g.add("start")
			g.down = false
		}
	}
}

// reconfigure changes what the next replica is configured with.
func (g *generator) reconfigure() {
	if !g.reconfigurable || g.one(2) {
		return
	}
	switch g.rng.IntN(4) {
	case 0:
		g.add("cap %d", g.rng.IntN(4))
	case 1:
		g.add("segments %s", pick(g, "a", "b", "a b", "a b", "a b c"))
	case 2:
		g.add("mapping %s", pick(g, "plain", "nick", "narrow"))
	case 3:
		g.add("omit %s", pick(g, "on", "off"))
	}
}

// erase erases a profile, at times with addresses that the engine knows of.
func (g *generator) erase() {
	line := "erase " + g.profile()
	if g.one(3) {
		line += fmt.Sprintf(" e%d", 1+g.rng.IntN(g.emails))
	}
	g.add("%s", line)
}

// operator gives a command.
func (g *generator) operator() {
	switch g.rng.IntN(10) {
	case 0:
		g.add("do flush")
	case 1:
		g.add("do pause")
		g.wait()
		g.add("do resume")
	case 2:
		g.add("do retry")
	case 3:
		g.add("do approve")
	case 4:
		g.add("look")
	case 5:
		g.add("retry")
	case 6:
		g.add("flaky %s %d", pick(g, "next", "moved", "letter", "read", "ack", "snapshot", "purge", "receipt", "shred"), 1+g.rng.IntN(3))
	default:
		g.replay()
	}
}

func (g *generator) wire() {
	kind := pick(g, "lose", "lose", "late", "late", "never", "refuse", "hang")
	on := pick(g, "upsert", "upsert", "upsert", "remove", "remove", "lookup", "job", "export", "any")
	late := pick(g, "1s", "4s", "8s", "11s")
	if g.slowJobs {
		late = "1s"
	}
	g.add("wire %s %s %d %s", kind, on, 1+g.rng.IntN(2), late)
}

func (g *generator) sim() {
	switch g.rng.IntN(5) {
	case 4:
		g.add("sim %s any %d", pick(g, "never", "never", "never+pending"), pick(g, 1, 2, 4, 6))
	case 0:
		g.add("sim status %s %d %d", g.route(), 1+g.rng.IntN(4), pick(g, 429, 500, 503, 408))
	case 1:
		g.add("sim %s %s %d", pick(g, "html", "empty429", "reset", "lose"), g.route(), 1+g.rng.IntN(3))
	case 2:
		if g.slowJobs {
			g.add("sim late any %d 0 %d", 1+g.rng.IntN(2), 20+g.rng.IntN(180))
		}
	case 3:
		g.add("sim %s any 1 0 %d", pick(g, "pending", "unknown"), 20+g.rng.IntN(400))
	}
}

func (g *generator) route() string { return pick(g, "any", "upsert", "remove", "lookup", "job") }

func (g *generator) arm() {
	g.add("arm %s %d", pick(g, "append", "appended", "upsert", "remove", "answer", "ack", "letter", "pointer", "purge", "load"), 1+g.rng.IntN(3))
}

func (g *generator) revoke() {
	g.add("revoke on")
	g.wait()
	g.add("revoke off")
}

func (g *generator) redeliver() { g.add("redeliver %d", 1+g.rng.IntN(6)) }

// refresh publishes a segment whole, or cut off; others' changes and other refreshes come in between.
func (g *generator) refresh() {
	g.refreshes++
	id, seg := fmt.Sprintf("r%d", g.refreshes), g.segment()
	g.add("refresh %s %s", id, seg)
	for p := range g.profiles {
		if g.one(2) {
			g.add("row %s p%d %s%s", id, p+1, g.email(), g.fields())
		}
		switch {
		case !g.one(5):
		case g.forgets:
			pick(g, (*generator).enter, (*generator).exit)(g)
		default:
			pick(g, (*generator).enter, (*generator).exit, (*generator).wait, (*generator).restart)(g)
		}
	}
	if g.one(5) {
		g.overlap(seg)
	}
	if !g.one(6) { // else it is never ended
		g.add("refreshed %s %s", id, pick(g, "ok", "ok", "ok", "cut"))
	}
}

// overlap is a second refresh of a segment inside the first.
func (g *generator) overlap(seg string) {
	g.refreshes++
	id := fmt.Sprintf("r%d", g.refreshes)
	g.add("refresh %s %s", id, seg)
	for p := range g.profiles {
		if g.one(2) {
			g.add("row %s p%d %s%s", id, p+1, g.email(), g.fields())
		}
	}
	g.add("refreshed %s %s", id, pick(g, "ok", "cut"))
}

// replay replays some of the stream, and may be cancelled.
func (g *generator) replay() {
	words := []string{"replay"}
	for _, filter := range []string{
		fmt.Sprintf("from=%d", 1+g.rng.IntN(8)), fmt.Sprintf("until=%d", 1+g.rng.IntN(12)), "segment=" + g.segment(), "profile=" + g.profile(), "force=true",
	} {
		if g.one(4) {
			words = append(words, filter)
		}
	}
	g.add("%s", strings.Join(words, " "))
	if g.one(4) {
		g.wait()
		g.add("cancel")
	}
}
