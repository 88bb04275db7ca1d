package app

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func names(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("d%d", i))
	}
	return out
}

// One active replica per destination, spread within one of even 30 s after a replica joins, leaves, comes back or crashes, at most.
func TestDestinationsSpreadOverReplicasThatComeAndGo(t *testing.T) {
	t.Parallel()
	all := names(7)
	g := newGround(t, all...)
	cfg := g.file(nil, all...)
	a := g.start("a", cfg)
	within(t, "one alone runs all", func() bool { return a.active() == 7 })
	b := g.start("b", cfg)
	within(t, "one joined: two share", func() bool { return even(7, a, b) })
	g.enter("p1")
	eventually(t, "every list has the contact", func() bool { return g.everywhere(all, 1) })
	b.stop(t)
	within(t, "one left: the other runs all", func() bool { return a.active() == 7 })
	b = g.start("b", cfg)
	within(t, "it came back: two share again", func() bool { return even(7, a, b) })
	c := g.start("c", cfg)
	within(t, "a third joined: three share", func() bool { return even(7, a, b, c) })
	c.stop(t)
	within(t, "the third left: two share", func() bool { return even(7, a, b) })
	b.crash()
	within(t, "one crashed: the survivor runs all", func() bool { return a.active() == 7 })
	g.enter("p2")
	eventually(t, "every list has both contacts", func() bool { return g.everywhere(all, 2) })
}

// The same where a crashed replica is missed late: who comes gets its share within 30 s, and who leaves gives it up at once.
func TestASlowTakeOverSpreadsAsSoon(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: it waits for ten seconds of calm")
	}
	all := names(4)
	g := newGround(t, all...)
	cfg := g.file(func(s string) string { return strings.Replace(s, "takeover: 2s", "takeover: 1m", 1) }, all...)
	a := g.start("a", cfg)
	within(t, "one alone runs all", func() bool { return a.active() == 4 })
	b := g.start("b", cfg)
	within(t, "one joined: two share", func() bool { return even(4, a, b) })
	b.stop(t)
	within(t, "one left: the other runs all", func() bool { return a.active() == 4 })
}

// within waits for what has to be so within 30 s, and says how long it took.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	took := eventually(t, what, holds)
	t.Logf("%s: after %s", what, took.Round(10*time.Millisecond))
	if took > 30*time.Second {
		t.Errorf("%s only after %s", what, took)
	}
}

// even reports whether the replicas run so many destinations, each within one of the others.
func even(n int, replicas ...*replica) bool {
	least, most := n, 0
	for _, r := range replicas {
		n -= r.active()
		least, most = min(least, r.active()), max(most, r.active())
	}
	return n == 0 && most-least <= 1
}

func (g *ground) everywhere(destinations []string, n int) bool {
	for _, d := range destinations {
		if g.listed(d) != n {
			return false
		}
	}
	return true
}

// The lower revision stays standby, also alone; at the same revision a differing file claims nothing while a
// replica with the ledger's is there.
func TestAReplicaWithAnOlderConfigurationStandsBy(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	newer := g.file(func(s string) string { return strings.Replace(s, "revision: 1", "revision: 2", 1) }, "d0")
	a := g.start("a", newer)
	eventually(t, "the newer runs", func() bool { return a.active() == 1 })
	b := g.start("b", g.file(nil, "d0"))
	a.stop(t)
	eventually(t, "the older one declines", func() bool {
		view, _ := b.board.View()
		return len(view.Replicas) == 1 && len(view.Replicas[0].Declines) == 1
	})
	if b.active() != 0 {
		t.Fatal("a lower revision than the ledger's became active")
	}
	if got := b.standbys("d0", ""); len(got) != 1 || !got[0].StaleConfig {
		t.Errorf("status shows %+v, want a standby with a stale configuration", got)
	}
	c := g.start("c", newer)
	eventually(t, "the newer runs again", func() bool { return c.active() == 1 })
	d := g.start("aa", g.file(func(s string) string {
		return strings.NewReplacer("revision: 1", "revision: 2", "segments: [s]", "segments: [s, other]").Replace(s)
	}, "d0"))
	eventually(t, "each sees the other", func() bool {
		one, _ := c.board.View()
		other, _ := d.board.View()
		return len(one.Replicas) >= 3 && len(other.Replicas) >= 3
	})
	c.runners[0].leasedCancel() // as if it had to pause: the other one gets its chance, and may not take it
	eventually(t, "the differing one declines", func() bool {
		view, _ := c.board.View()
		for _, p := range view.Replicas {
			if p.Replica == "aa" && len(p.Declines) == 1 {
				return true
			}
		}
		return false
	})
	eventually(t, "the ledger's own configuration runs", func() bool { return c.active() == 1 && d.active() == 0 })
}

func (r *runner) leasedCancel() {
	if cancel := r.leased.Load(); cancel != nil {
		(*cancel)()
	}
}

// I9: each kind of trouble suspends its destination with its reason, in status and metrics, and no other.
func TestTroubleSuspendsItsDestinationAlone(t *testing.T) {
	t.Parallel()
	type trouble struct {
		reason string
		make   func(g *ground, text string) string // before the second start
	}
	cases := []trouble{
		{"target_changed", func(g *ground, text string) string {
			return strings.Replace(text, g.lists["d0"], g.sim.AddList("", "another"), 1)
		}},
		{"stream_missing", func(g *ground, text string) string {
			if err := g.conn.JS.DeleteStream(g.t.Context(), "OTHER"); err != nil {
				g.t.Fatal(err)
			}
			return text
		}},
		{"stream_changed", func(g *ground, text string) string {
			if err := g.conn.JS.DeleteStream(g.t.Context(), "OTHER"); err != nil {
				g.t.Fatal(err)
			}
			g.other(-1)
			return text
		}},
		{"stream_unfit", func(g *ground, text string) string {
			g.unfit()
			return text
		}},
		{"ledger_lost", func(g *ground, text string) string {
			g.snapshotWithoutJournal("d0")
			return text
		}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			g := newGround(t, "d0", "d1")
			g.other(-1)
			change := func(s string) string {
				return strings.Replace(s, "list_id: "+g.lists["d0"], "stream: OTHER\n    list_id: "+g.lists["d0"], 1)
			}
			first := g.start("a", g.file(change, "d0", "d1"))
			eventually(t, "both run", func() bool { return first.active() == 2 })
			g.enter("p1")
			eventually(t, "the second list is served", func() bool { return g.listed("d1") == 1 })
			first.stop(t)
			var text string
			cfg := g.file(func(s string) string { text = change(s); return c.make(g, text) }, "d0", "d1")
			second := g.startWithout(cfg, c.reason == "stream_missing")
			eventually(t, "suspended with "+c.reason, func() bool {
				return second.metric(t, "rollcall_suspended_info", "destination", "d0", "reason", c.reason) == 1
			})
			if st, _ := second.Stats("d0"); st.Suspended != c.reason {
				t.Errorf("stats say %q", st.Suspended)
			}
			g.enter("p2")
			eventually(t, "the other destination goes on", func() bool { return g.listed("d1") == 2 })
		})
	}
}

func TestADestinationThatNobodyConfiguresIsOrphaned(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0", "d1")
	a := g.start("a", g.file(nil, "d0", "d1"))
	eventually(t, "both run", func() bool { return a.active() == 2 })
	a.stop(t)
	b := g.start("b", g.file(nil, "d0"))
	orphaned := func() float64 {
		return b.metric(t, "rollcall_destination_state", "destination", "d1", "state", "orphaned")
	}
	eventually(t, "the other is orphaned", func() bool { return orphaned() == 1 })
	status, err := reader{b.App}.Status(t.Context())
	if err != nil || !strings.Contains(fmt.Sprintf("%+v", status), "orphaned") {
		t.Errorf("status is %+v, %v", status, err)
	}
	c := g.start("c", g.file(nil, "d1"))
	eventually(t, "it is nobody's no more", func() bool { return c.active() == 1 && orphaned() == -1 })
}

// A destination that fails all the time slows nobody: the nineteen others apply while it is refused (I9).
func TestOneOfTwentyDestinationsThatFailsSlowsNoOther(t *testing.T) {
	t.Parallel()
	all := names(20)
	g := newGround(t, all...)
	cfg := g.file(func(s string) string {
		return strings.Replace(s, g.lists["d0"], "00000000-0000-0000-0000-000000000000", 1)
	}, all...)
	a := g.start("a", cfg)
	eventually(t, "all twenty are claimed", func() bool { return a.active() == 20 })
	for i := range 50 {
		g.enter(fmt.Sprintf("p%d", i))
	}
	took := eventually(t, "nineteen lists are full", func() bool { return g.everywhere(all[1:], 50) })
	t.Logf("50 contacts on each of 19 lists after %s", took)
	if g.listed("d0") != 0 {
		t.Error("the broken destination's list has contacts")
	}
	if _, held, err := g.conn.LeaseHolder(t.Context(), "d0"); err != nil || !held {
		t.Errorf("the broken destination is held: %v, %v", held, err)
	}
}
