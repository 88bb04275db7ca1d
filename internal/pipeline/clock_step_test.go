package pipeline

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stepped are options with a system's clock that the test sets by hours, forwards or back.
func (w *world) stepped() (o Options, step func(time.Duration)) {
	var by atomic.Int64
	o = w.options()
	o.Wall = func() time.Time { return time.Now().Round(0).Add(time.Duration(by.Load())) }
	return o, func(d time.Duration) { by.Store(int64(d)) }
}

func eachStep(t *testing.T, test func(t *testing.T, step time.Duration)) {
	for name, step := range map[string]time.Duration{"none": 0, "forwards": 6 * time.Hour, "back": -6 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, step) })
		})
	}
}

// I4, H18: a job that is not applied yet is given up neither early nor late, whatever the system's clock says: given up early,
// its contact would be sent again beside it.
func TestAStepOfTheClockGivesNoJobUp(t *testing.T) {
	eachStep(t, func(t *testing.T, step time.Duration) {
		w := newWorld(t)
		w.delay = 3 * time.Minute
		o, set := w.stepped()
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(time.Minute)
		set(step)
		time.Sleep(5 * time.Minute)
		if got := w.seen().requests["upsert"]; got != 1 {
			t.Errorf("%d upserts, want 1", got)
		}
		w.wantListed(1)
		mustStop(t, stop)
	})
}

// H23: the guard's interval is of time that passed: a step of the clock lets no second mass removal through.
func TestAStepOfTheClockDoesNotPassTheGuard(t *testing.T) {
	eachStep(t, func(t *testing.T, step time.Duration) {
		w := newWorld(t)
		o, set := w.stepped()
		o.Policy.Guard.MinRemovals, o.Policy.Guard.MaxShare = 5, 0.01
		_, stop := w.run(o)
		w.crowd("a", 20)
		w.leave(1, 5)
		time.Sleep(5 * time.Minute)
		w.wantListed(15)
		set(step)
		w.leave(6, 10)
		time.Sleep(5 * time.Minute)
		w.wantListed(15)
		mustStop(t, stop)
	})
}

// A step back keeps nobody waiting in a window, and a step forwards ends none early.
func TestAStepOfTheClockMovesNoWindow(t *testing.T) {
	eachStep(t, func(t *testing.T, step time.Duration) {
		w := newWorld(t)
		o, set := w.stepped()
		o.Policy.Window.Quiet = 30 * time.Second
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(5 * time.Second)
		set(step)
		time.Sleep(20 * time.Second)
		if got := w.seen().requests["upsert"]; got != 0 {
			t.Fatal("the window ends early")
		}
		time.Sleep(10 * time.Second)
		if got := w.seen().requests["upsert"]; got != 1 {
			t.Fatal("the window does not end")
		}
		mustStop(t, stop)
	})
}

// leave lets profiles exit, the last one included.
func (w *world) leave(from, to int) {
	for i := from; i <= to; i++ {
		w.publish("a", fmt.Sprintf("p%d", i), "exited", "")
	}
}
