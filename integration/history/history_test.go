package history

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

func entered(seq int, who string, second int) Event {
	return Event{
		ID: fmt.Sprint("e", seq), Subject: "s." + who, Email: who + "@example.com", Entered: true, Version: fmt.Sprint("v", seq),
		Sent: at(second), Sequence: uint64(seq),
	}
}

func exited(seq int, who string, second int) Event {
	return Event{ID: fmt.Sprint("e", seq), Subject: "s." + who, Sent: at(second), Sequence: uint64(seq)}
}

func put(who string, second int) Change {
	return Change{Email: who + "@example.com", Added: true, At: at(second)}
}

func taken(who string, second int) Change { return Change{Email: who + "@example.com", At: at(second)} }

// good is a history in which one came, left, came again and changed; one left for good; one waits, and one has no e-mail.
func good() History {
	h := History{
		Events: []Event{
			entered(1, "ada", 0), exited(2, "ada", 10), entered(3, "ada", 20), entered(4, "ada", 30),
			entered(5, "bob", 0), exited(6, "bob", 10), entered(7, "cyd", 5),
			{ID: "e8", Subject: "s.dan", Entered: true, Sent: at(6), Sequence: 8},
		},
		Changes: []Change{put("ada", 2), put("bob", 2), taken("ada", 12), taken("bob", 13), put("ada", 25)},
		Listed:  map[string]string{"ada@example.com": "v4"},
		Waiting: map[string]bool{"cyd@example.com": true},
		Dead:    map[uint64]bool{8: true},
	}
	for _, e := range []int{3, 5, 6, 7} {
		h.Stream = append(h.Stream, Stored{h.Events[e].ID, h.Events[e].Subject, h.Events[e].Sequence})
	}
	return h
}

func TestEveryEventOfAGoodHistoryIsAccountedFor(t *testing.T) {
	a := Check(good())
	if len(a.Breaches) > 0 {
		t.Fatalf("breaches: %v", a.Breaches)
	}
	if a.Applied != 2 || a.Coalesced != 4 || a.Waiting != 1 || a.Dead != 1 {
		t.Errorf("accounted: %+v", a)
	}
}

// An add whose answer never came, and whose contact nobody removed, changes nothing; a removal and an add inside one window are none.
func TestWhatAListNeverSawNeedsNoExplanation(t *testing.T) {
	h := good()
	h.Changes = h.Changes[:1] // as if ada had been on the list all along, and bob never
	if a := Check(h); len(a.Breaches) > 0 {
		t.Errorf("breaches: %v", a.Breaches)
	}
}

func TestBrokenHistoriesAreCaught(t *testing.T) {
	cases := map[string]struct {
		want  Kind
		spoil func(*History)
	}{
		"an acknowledged event that the stream does not hold": {Lost, func(h *History) {
			h.Stream = slices.DeleteFunc(h.Stream, func(s Stored) bool { return s.Sequence == 7 })
		}},
		"another event at its sequence": {Lost, func(h *History) { h.Stream[0].ID = "other" }},
		"a later publication stored before": {Disordered, func(h *History) {
			h.Events[3].Sequence, h.Events[2].Sequence = 3, 4
			h.Stream[0] = Stored{"e3", "s.ada", 4}
		}},
		"who entered last is not on the list":         {Unaccounted, func(h *History) { delete(h.Listed, "ada@example.com") }},
		"who entered last is there with older fields": {Unaccounted, func(h *History) { h.Listed["ada@example.com"] = "v3" }},
		"who left is on the list":                     {Unaccounted, func(h *History) { h.Listed["bob@example.com"] = "v5" }},
		"who left waits":                              {Unaccounted, func(h *History) { h.Waiting["bob@example.com"] = true }},
		"a dead letter is missing":                    {Unaccounted, func(h *History) { h.Dead = nil }},
		"a dead letter's contact stays": {Unaccounted, func(h *History) {
			h.Events = append(h.Events, Event{ID: "e9", Subject: "s.ada", Entered: true, Sent: at(40), Sequence: 9})
			h.Stream, h.Dead[9] = append(h.Stream, Stored{"e9", "s.ada", 9}), true
		}},
		"who should wait is forgotten": {Unaccounted, func(h *History) { h.Waiting = nil }},
		"a stale add lands after the removal": {Resurrected, func(h *History) {
			h.Changes = append(h.Changes, put("bob", 14), taken("bob", 20))
		}},
		"a stale add lands before the new entering": {Resurrected, func(h *History) {
			h.Changes = slices.Insert(h.Changes, 4, put("ada", 15), taken("ada", 16))
		}},
		"a stale add lands, which an overtaken event had asked for": {Resurrected, func(h *History) {
			h.Events = append(h.Events, exited(9, "ada", 40), entered(10, "ada", 41), exited(11, "ada", 42))
			h.Stream, h.Listed = append(h.Stream, Stored{"e11", "s.ada", 11}), nil
			stale := put("ada", 50)
			stale.Floor = 11
			h.Changes = append(h.Changes, taken("ada", 45), stale, taken("ada", 52))
		}},
		"removed before it left":     {Unasked, func(h *History) { h.Changes[2].At = at(9) }},
		"added before it entered":    {Unasked, func(h *History) { h.Changes[0].At = at(-1) }},
		"removed by nobody":          {Unasked, func(h *History) { h.Changes = append(h.Changes, taken("cyd", 40)) }},
		"a stranger comes and goes":  {Stranger, func(h *History) { h.Changes = append(h.Changes, put("eve", 1), taken("eve", 2)) }},
		"a stranger was always here": {Stranger, func(h *History) { h.Listed["eve@example.com"] = "v1" }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := good()
			c.spoil(&h)
			a := Check(h)
			if !slices.ContainsFunc(a.Breaches, func(b Breach) bool { return b.Kind == c.want }) {
				t.Errorf("breaches %v, want one that is %s", a.Breaches, c.want)
			}
		})
	}
}

// Two removals in a row of the log are two changes; the second needs a reason of its own unless an exit still explains it.
func TestAChangeIsExplainedByTheOldestEventThatWillDo(t *testing.T) {
	h := good()
	h.Changes = []Change{put("ada", 2), taken("ada", 12), put("ada", 22), taken("ada", 23)}
	if a := Check(h); !slices.ContainsFunc(a.Breaches, func(b Breach) bool { return b.Kind == Unasked }) {
		t.Errorf("a removal after the last entering went unseen: %v", a.Breaches)
	}
}
