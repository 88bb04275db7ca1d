package placement

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// world is a view in which every replica serves n destinations, held as given.
func world(n int, held map[string]int, more ...string) View {
	v := View{Holders: map[string]string{}}
	var all, names []string
	for i := range n {
		all = append(all, fmt.Sprintf("d%02d", i))
	}
	for name := range held {
		names = append(names, name)
	}
	slices.Sort(names)
	next := 0
	for _, name := range names {
		for range held[name] {
			v.Holders[all[next]] = name
			next++
		}
	}
	for _, name := range slices.Sorted(slices.Values(append(names, more...))) {
		v.Replicas = append(v.Replicas, Replica{Name: name, Serves: all})
	}
	return v
}

// settle plays what the replicas would do: give away what is too much, and take what is free by rank.
func settle(v View) map[string]int {
	var given []string
	for _, p := range v.Replicas {
		given = append(given, Surplus(v, p.Name)...)
	}
	for _, d := range given {
		delete(v.Holders, d)
	}
	taken := map[string]string{}
	for _, p := range v.Replicas {
		for _, d := range p.Serves {
			if _, held := v.Holders[d]; !held && Rank(v, p.Name, d) == 0 {
				taken[d] = p.Name
			}
		}
	}
	maps.Copy(v.Holders, taken)
	return loads(v)
}

func TestDestinationsAreWithinOneOfEvenAfterOneRoundOfGivingAndTaking(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		view View
	}{
		{"one alone takes all", world(20, nil, "a")},
		{"two begin together", world(20, nil, "a", "b")},
		{"a third joins", world(20, map[string]int{"a": 10, "b": 10}, "c")},
		{"one of three has left", world(20, map[string]int{"a": 7, "b": 7})},
		{"ten have two each and one joins", world(20, map[string]int{"a": 2, "b": 2, "c": 2, "d": 2, "e": 2, "f": 2, "g": 2, "h": 2, "i": 2, "j": 2}, "k")},
		{"more replicas than destinations", world(2, map[string]int{"a": 2}, "b", "c")},
	} {
		load := settle(c.view)
		least, most, sum := 1<<30, 0, 0
		for _, n := range load {
			least, most, sum = min(least, n), max(most, n), sum+n
		}
		if most-least > 1 || sum != len(c.view.Replicas[0].Serves) {
			t.Errorf("%s: %v", c.name, load)
		}
	}
}

func TestAnEvenSpreadMovesNothing(t *testing.T) {
	t.Parallel()
	v := world(20, map[string]int{"a": 7, "b": 7, "c": 6})
	for _, p := range v.Replicas {
		if got := Surplus(v, p.Name); len(got) > 0 {
			t.Errorf("%s gives %v away", p.Name, got)
		}
	}
}

func TestADestinationGoesOnlyToReplicasThatServeItAsLongAsOneDoes(t *testing.T) {
	t.Parallel()
	v := View{
		Replicas: []Replica{{Name: "a", Declines: []string{"d"}}, {Name: "b", Serves: []string{"d"}}},
		Holders:  map[string]string{},
	}
	if a, b := Rank(v, "a", "d"), Rank(v, "b", "d"); a != -1 || b != 0 {
		t.Errorf("the ranks are %d and %d", a, b)
	}
	v.Replicas = v.Replicas[:1]
	if a := Rank(v, "a", "d"); a != 0 {
		t.Errorf("alone the one that declines has rank %d: nobody would say why it stands still", a)
	}
}
