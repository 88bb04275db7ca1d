package model

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/ledger"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid/simulator"
)

// zombie is a world in which the active replica stands still with an upsert's intent committed and its request not made, while
// another one has taken over and the contact has left.
type zombie struct {
	*world
	old, successor *process
	before         int64 // entries of the old one when the other had claimed
}

func newZombie(t *testing.T, seed uint64) *zombie {
	t.Helper()
	z := &zombie{world: newWorld(seed, 0, nil)}
	z.config.Segments = []string{"a"}
	stands := make(chan struct{})
	z.when(pipeline.AtSend, func(p *process) {
		p.pause() // every step of it is held back from here on: the process stands still
		close(stands)
	})
	z.old = z.start()
	z.stream.publish(Event{Kind: "membership", Segment: "a", Profile: "p1", Entered: true, Attributes: map[string]any{"email": "e1@example.com"}})
	<-stands
	claimed := make(chan struct{})
	z.when(pipeline.AtReset, func(*process) { close(claimed) })
	z.successor = z.start()
	<-claimed
	z.before = z.old.entries.Load()
	z.stream.publish(Event{Kind: "membership", Segment: "a", Profile: "p1"})
	return z
}

// ends wakes nobody any more: it waits until the world rests, and judges it.
func (z *zombie) ends(t *testing.T) {
	t.Helper()
	if err := z.settle(); err != nil {
		t.Fatal(err)
	}
	<-z.old.done
	if n := z.old.entries.Load() - z.before; n != 0 {
		t.Errorf("the old owner committed %d entries after the new claim", n)
	}
	if !errors.Is(z.old.err, ledger.ErrFenced) {
		t.Errorf("the old owner ended with %v, want the fence", z.old.err)
	}
	if z.successor.entries.Load() < 3 {
		t.Errorf("the successor committed %d entries: nothing was shown", z.successor.entries.Load())
	}
	if err := z.compare(); err != nil {
		t.Error(err)
	}
}

func (z *zombie) listed() bool {
	on := false
	z.sim.Contacts(listID, func(c simulator.Contact) { on = on || c.Email == "e1@example.com" })
	return on
}

// came is how often the contact came onto the list.
func (z *zombie) came() (n int) {
	for _, m := range z.sim.History(listID) {
		if m.Email == "e1@example.com" && m.Added {
			n++
		}
	}
	return n
}

// I2, H1: an active replica that was paused and wakes up after a take-over commits nothing. Its request, whose intent predates the
// pause, leaves once, within its deadline, and puts the departed contact onto the list: the new owner looks after its
// horizon, and takes it off.
func TestAZombieCommitsNothingAndItsRequestIsUndone(t *testing.T) {
	left := int64(0)
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			z := newZombie(t, seed)
			defer z.close()
			z.sleep(time.Second) // the deadline of its intent has not passed
			z.old.wake()
			z.sleep(4 * apply)
			was := z.listed()
			z.ends(t)
			n := z.old.changes.Load()
			if z.listed() || n > 1 || n == 1 && !was {
				t.Errorf("seed %d: the zombie made %d requests, and the contact is on the list: first %v, then %v", seed, n, was, z.listed())
			}
			left += n
		})
	}
	if left == 0 { // the fence may cut it off before it is written
		t.Error("the request of no zombie left: nothing was shown")
	}
	t.Logf("%d of 20 requests left", left)
}

// H1: one that wakes up after its intent's deadline sends nothing at all.
func TestAZombieThatWakesUpLateSendsNothing(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			z := newZombie(t, seed)
			defer z.close()
			z.sleep(timeout + time.Second)
			z.old.wake()
			z.ends(t)
			if n := z.old.changes.Load(); n != 0 {
				t.Errorf("seed %d: it made %d requests", seed, n)
			}
		})
	}
}

// I6, H1: the stale upsert lands after the new owner's removal, later than any horizon allows for. The removal is not believed
// before a look-up shows the contact gone: it is removed again, and the list ends right.
func TestAStaleUpsertThatLandsAfterTheRemovalIsRemovedAgain(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			z := newZombie(t, seed)
			defer z.close()
			if z.anyOrder {
				return // its job might be applied after everything else, beyond all that is assumed of SendGrid
			}
			z.land(t) // once, as in time, so that there is somebody to be removed
			var landed atomic.Bool
			z.whenRemoved(func() { z.land(t); landed.Store(true) })
			z.sleep(timeout + 6*horizon/clockScale)
			if !landed.Load() || z.came() < 2 || z.removals() < 2 {
				t.Fatalf("seed %d: landed after the removal: %v; the contact came %d times and was removed %d times", seed, landed.Load(), z.came(), z.removals())
			}
			z.old.wake()
			z.ends(t)
			if z.listed() {
				t.Errorf("seed %d: the departed contact is on the list", seed)
			}
		})
	}
}

// whenRemoved has something done when the successor's first removal was answered.
func (z *zombie) whenRemoved(do func()) {
	z.when(pipeline.AtAnswered, func(*process) {
		if z.removals() == 0 {
			z.whenRemoved(do)
			return
		}
		do()
	})
}

// removals is how often SendGrid was asked to take somebody off the list.
func (z *zombie) removals() (n int) {
	for _, r := range z.sim.Requests() {
		if strings.HasPrefix(r.Route, http.MethodDelete) {
			n++
		}
	}
	return n
}

// land brings the old owner's request to SendGrid, as the network would have kept it.
func (z *zombie) land(t *testing.T) {
	t.Helper()
	body := `{"list_ids":["` + listID + `"],"contacts":[{"email":"e1@example.com"}]}`
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPut, "http://sendgrid/v3/marketing/contacts", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer SG.simulator")
	res, err := z.sim.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusAccepted {
		t.Fatalf("the stale upsert: %v %v", res, err)
	}
	_, _ = io.Copy(io.Discard, res.Body) // in memory
	_ = res.Body.Close()
}
