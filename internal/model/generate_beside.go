package model

import "fmt"

// What few stories have is drawn from a second source: a kind that is added leaves the stories of every seed that do not
// have it as they were.

// drawBeside lets a quarter of the random stories have a second destination.
var drawBeside bool

func (g *generator) seldom(in int) bool { return g.rare.IntN(in) == 0 }

func seldom[T any](g *generator, all ...T) T { return all[g.rare.IntN(len(all))] }

// openBeside starts a second destination of the account, whose segments overlap with the first one's.
func (g *generator) openBeside() {
	g.add("beside segments %s", seldom(g, "a b", "a b", "b", "b c", "a"))
	if g.seldom(4) {
		g.add("beside cap %d", 1+g.rare.IntN(3))
	}
	g.add("beside start")
}

// besides does, now and then, what goes on beside a step: to the second destination, and erasures of several persons.
func (g *generator) besides() {
	if !g.second || !g.seldom(4) {
		return
	}
	switch g.rare.IntN(8) {
	case 0, 1:
		g.restartBeside()
	case 2:
		g.add("beside wire %s %s %d %s", seldom(g, "lose", "late", "never", "hang"), seldom(g, "upsert", "delete", "delete", "lookup", "any"),
			1+g.rare.IntN(2), seldom(g, "1s", "4s"))
	case 3:
		g.add("beside arm %s %d", seldom(g, "recheck", "rechecked", "delete", "append", "appended", "answer", "neighbour"), 1+g.rare.IntN(3))
	case 4:
		g.add("arm %s %d", seldom(g, "recheck", "rechecked", "delete", "neighbour"), 1+g.rare.IntN(2))
	default:
		g.eraseSome()
	}
}

func (g *generator) restartBeside() {
	switch {
	case g.secondDown || g.secondPaused:
		g.add("beside %s", map[bool]string{true: "start", false: "wake"}[g.secondDown])
		g.secondDown, g.secondPaused = false, false
	case g.seldom(4):
		g.add("beside pause")
		g.secondPaused = true
	default:
		g.add("beside %s", seldom(g, "stop", "crash"))
		g.secondDown = true
	}
}

// eraseSome puts several persons under erasure at once, at times with an address that another one has, and lets them come
// again or not.
func (g *generator) eraseSome() {
	for range 1 + g.rare.IntN(3) {
		p := 1 + g.rare.IntN(g.profiles)
		line := fmt.Sprintf("erase p%d", p)
		if g.seldom(2) {
			line += fmt.Sprintf(" e%d", 1+g.rare.IntN(g.emails))
		}
		g.add("%s", line)
		if g.seldom(3) {
			g.add("enter %s p%d e%d", seldom(g, "a", "b"), 1+g.rare.IntN(g.profiles), 1+g.rare.IntN(g.emails))
		}
	}
	if g.seldom(2) {
		g.add("wait %s", seldom(g, "200ms", "2s", "5s", "8s"))
	}
}
