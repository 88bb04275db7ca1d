package window

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/internal/contact"
)

// naive is the window as its comment says it: a table, searched through each time.
type naive struct {
	policy  Policy
	entries map[contact.Handle]naiveEntry
}

type naiveEntry struct {
	first, due int64
	offered    bool
}

func (n *naive) change(now int64, h contact.Handle) {
	e, there := n.entries[h]
	if !there {
		e.first = now
	}
	e.due, e.offered = min(now+int64(n.policy.Quiet), e.first+int64(n.policy.MaxWait)), false
	n.entries[h] = e
}

func (n *naive) put(now, due int64, h contact.Handle) {
	e, there := n.entries[h]
	if !there {
		e.first = now
	}
	e.due, e.offered = due, false
	n.entries[h] = e
}

func (n *naive) due(now int64) map[contact.Handle]bool {
	found := map[contact.Handle]bool{}
	for h, e := range n.entries {
		if e.due <= now && !e.offered {
			found[h] = true
			e.offered = true
			n.entries[h] = e
		}
	}
	return found
}

func (n *naive) next() (least int64, ok bool) {
	for _, e := range n.entries {
		if !e.offered && (!ok || e.due < least) {
			least, ok = e.due, true
		}
	}
	return least, ok
}

// No deadline is early and none is forgotten, whatever happens in between, restarts included.
func TestTheWindowOffersWhatANaiveOneDoesAcrossRestarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := Policy{Quiet: time.Duration(rapid.IntRange(0, 10).Draw(t, "quiet")), MaxWait: time.Duration(rapid.IntRange(10, 40).Draw(t, "max wait"))}
		w, model := New(policy), &naive{policy: policy, entries: map[contact.Handle]naiveEntry{}}
		now := int64(1000)
		handle := func() contact.Handle { return contact.Handle(rapid.IntRange(1, 12).Draw(t, "contact")) }
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) { now += rapid.Int64Range(0, 15).Draw(t, "by") },
			"change": func(*rapid.T) {
				h := handle()
				w.Change(now, h)
				model.change(now, h)
			},
			"put": func(t *rapid.T) {
				h, due := handle(), now+rapid.Int64Range(-5, 60).Draw(t, "due")
				w.Put(now, due, h)
				model.put(now, due, h)
			},
			"remove": func(t *rapid.T) {
				h := handle()
				_, there := model.entries[h]
				if w.Remove(h) != there {
					t.Fatalf("removing %d: there is %v", h, there)
				}
				delete(model.entries, h)
			},
			"due": func(t *rapid.T) {
				var last int64
				got := map[contact.Handle]bool{}
				w.Due(now, func(h contact.Handle) {
					due, ok := w.Has(h)
					if !ok || due < last || got[h] {
						t.Fatalf("%d is offered at %d after %d", h, due, last)
					}
					last, got[h] = due, true
				})
				if want := model.due(now); !maps.Equal(got, want) {
					t.Fatalf("at %d offered %v, want %v", now, got, want)
				}
			},
			"restart": func(t *rapid.T) {
				fresh := New(policy)
				if err := fresh.Load(w.Append(nil)); err != nil {
					t.Fatal(err)
				}
				w = fresh
				for h, e := range model.entries { // offers are not remembered: whoever had taken them is gone
					e.offered = false
					model.entries[h] = e
				}
			},
			"the clock was set back": func(*rapid.T) {
				latest := now + int64(policy.MaxWait)
				w.Clamp(now)
				for h, e := range model.entries {
					if e.due > latest {
						e.due, e.offered = latest, false
						model.entries[h] = e
					}
				}
			},
			"": func(t *rapid.T) {
				if w.Len() != len(model.entries) || len(w.Handles()) != w.Len() {
					t.Fatalf("%d contacts, want %d", w.Len(), len(model.entries))
				}
				for h := contact.Handle(1); h <= 12; h++ {
					due, ok := w.Has(h)
					if e, there := model.entries[h]; ok != there || due != e.due {
						t.Fatalf("%d is due at %d, %v; want %d, %v", h, due, ok, e.due, there)
					}
				}
				got, ok := w.Next()
				if want, there := model.next(); ok != there || got != want {
					t.Fatalf("next is %d, %v; want %d, %v", got, ok, want, there)
				}
			},
		})
	})
}

func TestAContactIsDueWhenQuietOrAfterTheLongestWait(t *testing.T) {
	w := New(Policy{Quiet: 5 * time.Second, MaxWait: 12 * time.Second})
	const start = int64(1e18)
	at := func(seconds int64) int64 { return start + seconds*1e9 }
	var offered []contact.Handle
	offer := func(h contact.Handle) { offered = append(offered, h) }
	for s := int64(0); s <= 8; s += 4 {
		w.Change(at(s), 1)
	}
	w.Change(at(8), 2)
	w.Due(at(12)-1, offer)
	if len(offered) != 0 {
		t.Errorf("early: %v", offered)
	}
	w.Due(at(13), offer)
	if !slices.Equal(offered, []contact.Handle{1, 2}) {
		t.Errorf("offered %v", offered)
	}
	w.Due(at(100), offer)
	if len(offered) != 2 {
		t.Errorf("offered again without a change: %v", offered)
	}
	w.SetPolicy(Policy{Quiet: time.Second, MaxWait: 12 * time.Second})
	w.Change(at(20), 3)
	if due, _ := w.Has(3); due != at(21) {
		t.Errorf("the new policy does not hold: due %d", due-start)
	}
}

// A change may make a contact due earlier than it was put: that deadline was forgotten once.
func TestAChangeAfterALaterDueTimeIsNotForgotten(t *testing.T) {
	w := New(Policy{Quiet: 5, MaxWait: 50})
	w.Put(1000, 1030, 1)
	w.Change(1001, 1)
	if next, ok := w.Next(); !ok || next != 1006 {
		t.Fatalf("next is %d, %v", next, ok)
	}
	offered := 0
	w.Due(1006, func(contact.Handle) { offered++ })
	w.Due(2000, func(contact.Handle) { offered++ })
	if offered != 1 {
		t.Errorf("offered %d times", offered)
	}
}

func TestADamagedWindowIsAnErrorAndNoPanic(t *testing.T) {
	w := New(Policy{Quiet: 1, MaxWait: 1})
	for h := contact.Handle(1); h < 50; h++ {
		w.Change(1000, h)
	}
	body := w.Append(nil)
	for cut := range len(body) - 1 {
		if err := New(Policy{}).Load(body[:cut]); err == nil {
			t.Fatalf("%d of %d bytes load", cut, len(body))
		}
	}
}
