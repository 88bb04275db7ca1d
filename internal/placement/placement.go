// Package placement works out which replica should run which destination. Every replica does it for itself, from the same view
// and by the same rules; the lease's compare-and-swap settles what differing views would do twice
// (docs/adr/0004-lease-and-fence.md). It is pure (I14): it asks no broker and moves no lease.
package placement

import (
	"cmp"
	"maps"
	"slices"
)

// Replica is one that is there, and what it says of destinations.
type Replica struct {
	Name     string
	Serves   []string // it would run them
	Declines []string // they are in its file, and another replica may do better
}

// View is what a replica sees of all.
type View struct {
	Replicas []Replica         // by name
	Holders  map[string]string // of the leases: the replica's name by destination
}

// candidates are the replicas that may run a destination: those that serve it, and if none does, those that have
// it in their file, so that one of them goes on trying and says why not.
func candidates(v View, destination string) []string {
	var serve, have []string
	for _, p := range v.Replicas {
		switch {
		case slices.Contains(p.Serves, destination):
			serve = append(serve, p.Name)
		case slices.Contains(p.Declines, destination):
			have = append(have, p.Name)
		}
	}
	if len(serve) > 0 {
		return serve
	}
	return have
}

// loads counts the leases of each replica that is there.
func loads(v View) map[string]int {
	out := map[string]int{}
	for _, p := range v.Replicas {
		out[p.Name] = 0
	}
	for _, holder := range v.Holders {
		if _, there := out[holder]; there {
			out[holder]++
		}
	}
	return out
}

// Rank is how many replicas go before this one for a destination that nobody holds: each free destination, in the
// order of their ids, goes to the candidate that has least. -1 is: not ours to ask for.
func Rank(v View, me, destination string) int {
	load := loads(v)
	free := map[string]bool{}
	for _, p := range v.Replicas {
		for _, d := range slices.Concat(p.Serves, p.Declines) {
			if _, held := v.Holders[d]; !held {
				free[d] = true
			}
		}
	}
	for _, d := range slices.Sorted(maps.Keys(free)) {
		order := candidates(v, d)
		slices.SortFunc(order, func(a, b string) int { return cmp.Or(cmp.Compare(load[a], load[b]), cmp.Compare(a, b)) })
		if d == destination {
			return slices.Index(order, me)
		}
		if len(order) > 0 {
			load[order[0]]++
		}
	}
	return -1
}

// Surplus is what this replica gives away so that the numbers of leases differ by one at most, as far as the files
// allow. Every replica plays the same moves, the fullest giving to the emptiest, and does its own.
func Surplus(v View, me string) []string {
	load, held := loads(v), map[string][]string{}
	for _, d := range slices.Sorted(maps.Keys(v.Holders)) {
		held[v.Holders[d]] = append(held[v.Holders[d]], d)
	}
	var mine []string
	for {
		giver, at := move(v, load, held)
		if giver == "" {
			return mine
		}
		d := held[giver][at]
		held[giver] = slices.Delete(slices.Clone(held[giver]), at, at+1)
		load[giver]--
		load[emptiest(v, load, d)]++
		if giver == me {
			mine = append(mine, d)
		}
	}
}

// move finds the fullest replica that has something for one with at least two fewer.
func move(v View, load map[string]int, held map[string][]string) (giver string, at int) {
	givers := slices.Sorted(maps.Keys(load))
	slices.SortStableFunc(givers, func(a, b string) int { return cmp.Compare(load[b], load[a]) })
	for _, g := range givers {
		for i, d := range held[g] {
			if to := emptiest(v, load, d); to != "" && load[to]+2 <= load[g] {
				return g, i
			}
		}
	}
	return "", 0
}

func emptiest(v View, load map[string]int, destination string) string {
	best := ""
	for _, p := range v.Replicas { // by name
		if slices.Contains(p.Serves, destination) && (best == "" || load[p.Name] < load[best]) {
			best = p.Name
		}
	}
	return best
}
