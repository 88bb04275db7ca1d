package history

import (
	"maps"
	"slices"
	"testing"
)

// crowded is a history in which ada is in two segments and leaves one, bob and his sister share an address and she leaves, cyd moves,
// dan waits, eve has no address, SendGrid refuses fay, and gus leaves without a word about himself.
func crowded() Crowd {
	c := Crowd{
		Events: []Told{
			{"ada", "s", true, true, "ada@x"},
			{"ada", "t", true, true, "ada@x"},
			{"ada", "s", false, true, "ada@x"},
			{"bob", "s", true, true, "b@x"},
			{"sis", "s", true, true, "b@x"},
			{"sis", "s", false, false, ""},
			{"cyd", "s", true, true, "old@x"},
			{"cyd", "s", true, true, "new@x"},
			{"dan", "t", true, true, "dan@x"},
			{"eve", "s", true, true, ""},
			{"fay", "s", true, true, "fay@x"},
			{"gus", "s", true, true, "gus@x"},
			{"gus", "s", false, false, ""},
			{"gus", "s", true, true, "gus@x"},
			{"gus", "s", false, false, ""},
		},
		Changes: []Change{
			{Email: "ada@x", Added: true, Ceiling: 2},
			{Email: "b@x", Added: true, Ceiling: 6},
			{Email: "old@x", Added: true, Ceiling: 8},
			{Email: "gus@x", Added: true, Ceiling: 12},
			{Email: "old@x", Floor: 8, Ceiling: 12},
			{Email: "new@x", Added: true, Floor: 8, Ceiling: 12},
			{Email: "gus@x", Floor: 12, Ceiling: 13},
		},
		Listed:  map[string]bool{"ada@x": true, "b@x": true, "new@x": true},
		Waiting: map[string]bool{"dan@x": true},
		Dead:    map[uint64]bool{10: true, 11: true},
		Refused: func(email string) bool { return email == "fay@x" },
		Stream:  map[uint64]Told{},
	}
	for i, e := range c.Events {
		maps.DeleteFunc(c.Stream, func(_ uint64, old Told) bool { return old.Profile == e.Profile && old.Segment == e.Segment })
		c.Stream[uint64(i+1)] = e
	}
	return c
}

func TestEveryEventOfACrowdIsAccountedFor(t *testing.T) {
	a := CheckCrowd(crowded())
	if len(a.Breaches) > 0 {
		t.Fatalf("breaches: %v", a.Breaches)
	}
	if a.Applied != 6 || a.Coalesced != 6 || a.Waiting != 1 || a.Dead != 2 {
		t.Errorf("accounted: %+v", a)
	}
}

func TestBrokenCrowdsAreCaught(t *testing.T) {
	cases := map[string]struct {
		want  Kind
		spoil func(*Crowd)
	}{
		"an acknowledged event that the stream does not hold":  {Lost, func(c *Crowd) { delete(c.Stream, 9) }},
		"an event that nobody published":                       {Stranger, func(c *Crowd) { c.Stream[16] = c.Events[0] }},
		"another event at a sequence":                          {Stranger, func(c *Crowd) { c.Stream[9] = c.Events[0] }},
		"who is in one of two segments is not on the list":     {Unaccounted, func(c *Crowd) { delete(c.Listed, "ada@x") }},
		"the address of who left is another's and not there":   {Unaccounted, func(c *Crowd) { delete(c.Listed, "b@x") }},
		"who moved is not there":                               {Unaccounted, func(c *Crowd) { delete(c.Listed, "new@x") }},
		"the address that somebody moved from is there":        {Unasked, func(c *Crowd) { c.Listed["old@x"] = true }},
		"who left is there":                                    {Unasked, func(c *Crowd) { c.Listed["gus@x"] = true }},
		"who left waits":                                       {Unasked, func(c *Crowd) { c.Waiting["gus@x"] = true }},
		"who is on the list waits":                             {Unasked, func(c *Crowd) { c.Waiting["ada@x"] = true }},
		"who should wait is forgotten":                         {Unaccounted, func(c *Crowd) { c.Waiting = nil }},
		"who has no address has no letter":                     {Unaccounted, func(c *Crowd) { delete(c.Dead, 10) }},
		"whom SendGrid refuses has no letter":                  {Unaccounted, func(c *Crowd) { delete(c.Dead, 11) }},
		"whom SendGrid refuses is there":                       {Unaccounted, func(c *Crowd) { c.Listed["fay@x"] = true }},
		"a contact of nobody's is there":                       {Unasked, func(c *Crowd) { c.Listed["who@x"] = true }},
		"a contact of nobody's comes":                          {Stranger, func(c *Crowd) { c.Changes = append(c.Changes, Change{Email: "who@x", Added: true, Ceiling: 15}) }},
		"a member of two segments is removed when one is left": {Unasked, func(c *Crowd) { c.Changes = append(c.Changes, Change{Email: "ada@x", Floor: 3, Ceiling: 15}) }},
		"a shared address is removed when one of them leaves":  {Unasked, func(c *Crowd) { c.Changes = append(c.Changes, Change{Email: "b@x", Floor: 6, Ceiling: 15}) }},
		"added before anybody asked":                           {Unasked, func(c *Crowd) { c.Changes[5].Ceiling = 7 }},
		"removed before anybody asked":                         {Unasked, func(c *Crowd) { c.Changes[6].Ceiling = 12 }},
		"a stale add lands behind the removal":                 {Resurrected, func(c *Crowd) { c.Changes = append(c.Changes, Change{Email: "old@x", Added: true, Ceiling: 15}) }},
		"a stale add lands, which an overtaken event asked for": {Resurrected, func(c *Crowd) {
			c.Changes = append(c.Changes, Change{Email: "gus@x", Added: true, Floor: 15, Ceiling: 15}, Change{Email: "gus@x", Floor: 15, Ceiling: 15})
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			crowd := crowded()
			c.spoil(&crowd)
			a := CheckCrowd(crowd)
			if !slices.ContainsFunc(a.Breaches, func(b Breach) bool { return b.Kind == c.want }) {
				t.Errorf("breaches %v, want one that is %s", a.Breaches, c.want)
			}
		})
	}
}
