package pipeline

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

// guarded runs a destination whose guard lets few removals go.
func guarded(w *world, most int) (d *Destination, stop func() error) {
	o := w.options()
	o.Policy.Guard = plan.Guard{Interval: time.Hour, MinRemovals: most}
	return w.run(o)
}

// outage lets every removal fail in one way until it is called again without one.
func (w *world) outage(fail, lose error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	only := func(err error) func(string) error {
		if err == nil {
			return nil
		}
		return func(op string) error {
			if op == "remove" {
				return err
			}
			return nil
		}
	}
	w.fail, w.lose = only(fail), only(lose)
}

func (w *world) approve(d *Destination) {
	w.t.Helper()
	var held state.Held
	if err := d.Ask(w.t.Context(), func(s *state.State) { held = s.Held() }); err != nil {
		w.t.Fatal(err)
	}
	if err := d.Do(w.t.Context(), record.Command{Name: "approve", Who: "ada@desk", Count: held.Count, Digest: held.Digest}); err != nil {
		w.t.Fatal(err)
	}
}

// H39: an approval is used up by removals that take effect, and by nothing else: what was approved goes when an outage
// of any kind is over, and nothing that was not approved goes with it.
func TestAnOutageUsesUpNoApproval(t *testing.T) {
	for name, err := range map[string]error{
		"no answer": errors.New("connection reset by peer"),
		"refused":   &sendgrid.Error{Class: sendgrid.Unavailable, Status: 503, Message: "down"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d, stop := guarded(w, 2)
				w.crowd("a", 20)
				for i := 1; i <= 12; i++ {
					w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
				}
				time.Sleep(10 * time.Minute)
				w.wantListed(18)
				w.outage(err, nil)
				w.approve(d)
				time.Sleep(5 * time.Hour)
				w.publish("a", "p13", "exited", "")
				w.publish("a", "p14", "exited", "")
				w.publish("a", "p15", "exited", "")
				time.Sleep(time.Hour)
				w.outage(nil, nil)
				time.Sleep(2 * time.Hour)
				w.wantListed(6)
				if st := d.Stats(); st.Held != 1 {
					t.Errorf("%d are held; of three that left after the approval the guard lets two go", st.Held)
				}
				mustStop(t, stop)
			})
		})
	}
}

// H39: the tries of an outage are no removals: as many leave as the guard lets go, and nobody is held.
func TestTriesWithoutEffectTripNoGuard(t *testing.T) {
	for name, err := range map[string]error{
		"no answer": errors.New("connection reset by peer"),
		"refused":   &sendgrid.Error{Class: sendgrid.Unavailable, Status: 503, Message: "down"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d, stop := guarded(w, 10)
				w.crowd("a", 20)
				w.outage(err, nil)
				for i := 1; i <= 6; i++ {
					w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
				}
				for range 50 {
					time.Sleep(time.Minute)
					if st := d.Stats(); st.Held > 0 {
						t.Fatalf("six left, the guard lets ten go, and %d are held", st.Held)
					}
				}
				w.outage(nil, nil)
				for i := 7; i <= 10; i++ {
					w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
				}
				time.Sleep(30 * time.Minute)
				w.wantListed(10)
				mustStop(t, stop)
			})
		})
	}
}

// A removal that was approved, and is wanted back before it went, is approved no more: it leaves under the guard the next time.
func TestAnApprovalEndsWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := guarded(w, 2)
		w.crowd("a", 20)
		for i := 1; i <= 12; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
		}
		time.Sleep(10 * time.Minute)
		w.outage(&sendgrid.Error{Class: sendgrid.Unavailable, Status: 503, Message: "down"}, nil)
		w.approve(d)
		time.Sleep(time.Minute)
		for i := 1; i <= 12; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(10 * time.Minute)
		w.outage(nil, nil)
		time.Sleep(3 * time.Hour)
		w.wantListed(20)
		for i := 1; i <= 12; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
		}
		time.Sleep(time.Hour)
		w.wantListed(18)
		if st := d.Stats(); st.Held != 10 {
			t.Errorf("%d are held, want 10: the approval was for those before", st.Held)
		}
		mustStop(t, stop)
	})
}

// H39: a refresh that is held ends by itself when its members are published again: whole where nobody is left to go,
// and where the guard lets those go who are left. What time alone does releases nothing.
func TestAHoldWhoseCauseHasGoneEndsByItself(t *testing.T) {
	for name, c := range map[string]struct{ count, back, listed int }{
		"everybody is back, a refresh of nobody": {0, 6, 6},
		"all but one are back":                   {1, 5, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d, stop := guarded(w, 2)
				w.crowd("a", 6)
				first := w.last + 1
				if c.count > 0 {
					w.publish("a", "p7", "entered", ada(7))
				}
				w.refresh("a", first, uint64(c.count))
				time.Sleep(5 * time.Hour)
				if st := d.Stats(); st.HeldSweeps != 1 || st.Listed != 6+c.count {
					t.Fatalf("before: %+v", st)
				}
				for i := 1; i <= c.back; i++ {
					w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
				}
				time.Sleep(10 * time.Minute)
				if st := d.Stats(); st.HeldSweeps != 0 || st.Listed != c.listed {
					t.Errorf("after: %+v", st)
				}
				w.wantListed(c.listed)
				mustStop(t, stop)
			})
		})
	}
}

// H39: a segment that was taken away, and whose members are in another one by now, is let go of by itself.
func TestTheHoldOfASegmentWhoseMembersAreElsewhereEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := guarded(w, 2)
		w.crowd("a", 6)
		mustStop(t, stop)
		o := w.options()
		o.Policy.Guard = plan.Guard{Interval: time.Hour, MinRemovals: 2}
		o.Binding.Segments = []string{"b"}
		d, stop := w.run(o)
		time.Sleep(5 * time.Hour)
		if st := d.Stats(); st.HeldSweeps != 1 || st.Listed != 6 {
			t.Fatalf("before: %+v", st)
		}
		for i := 1; i <= 5; i++ {
			w.publish("b", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(10 * time.Minute)
		if st := d.Stats(); st.HeldSweeps != 0 || st.Listed != 5 {
			t.Errorf("after: %+v", st)
		}
		w.wantListed(5)
		mustStop(t, stop)
	})
}

// Two kinds of removals in one turn share the guard's room: live ones, and those of a replay or back-fill.
func TestRemovalsOfOneTurnShareTheGuardsRoom(t *testing.T) {
	s := state.NewState(state.Policy{Guard: plan.Guard{Interval: time.Hour, MinRemovals: 10}}, nil)
	l := &loop{Destination: New(Options{Policy: s.Policy}), state: s, sending: map[contact.Operation]int{}}
	p := &planner{l: l, now: time.Unix(1000, 0), left: map[contact.Operation]int{contact.Remove: maxRemovals}}
	live, again := make([]contact.Handle, 7), make([]contact.Handle, 7)
	for i := range live {
		live[i], again[i] = contact.Handle(i+1), contact.Handle(i+8)
	}
	p.takeOff(live)
	p.takeOff(again)
	gone := 0
	for _, rec := range p.records {
		if i, ok := rec.(*record.Intent); ok {
			gone += len(i.Handles)
		}
	}
	if gone != 10 {
		t.Errorf("%d removals go in one turn, the guard lets 10 go", gone)
	}
}
