package pipeline

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The clock of a replica's machine is hours behind that of its predecessor: nobody waits hours for anything that the ledger
// holds a time of, be it the end of a window, the poll of a job, a horizon or the look at a removal. A bubble's clock starts at the same
// moment each time, so that the second one is the first one set back; SendGrid's clock is its own.
func TestAClockThatWasSetBackDelaysNobody(t *testing.T) {
	var w *world
	var ended time.Time
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(10 * time.Hour)
		w = newWorld(t)
		d, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		time.Sleep(10 * time.Minute)
		w.publish("a", "p2", "exited", "") // its removal is on its way
		time.Sleep(20 * time.Second)
		w.publish("a", "p4", "entered", ada(4)) // its job is on its way
		time.Sleep(7 * time.Second)
		w.mu.Lock()
		w.lose = func(string) error { return errors.New("connection reset") }
		w.mu.Unlock()
		w.publish("a", "p3", "entered", ada(3)) // its answer is lost
		time.Sleep(7 * time.Second)
		w.publish("a", "p1", "exited", "") // in their window
		w.publish("a", "p5", "entered", ada(5))
		time.Sleep(2 * time.Second)
		if st := d.Stats(); st.Window != 2 || st.OnTheWay != 2 || st.InDoubt != 1 {
			t.Fatalf("%d in their window, %d on the way, %d in doubt", st.Window, st.OnTheWay, st.InDoubt)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		ended = time.Now()
	})
	synctest.Test(t, func(t *testing.T) {
		w.t, w.woken, w.lose = t, make(chan struct{}), nil
		for _, j := range w.jobs {
			j.at = j.at.Add(-time.Until(ended))
		}
		d, stop := w.run(w.options())
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(3, 4, 5), w.list()); diff != "" {
			t.Errorf("two minutes after the start (-want +got):\n%s", diff)
		}
		time.Sleep(10 * time.Minute)
		if st := d.Stats(); st.Dirty() != 0 || st.Listed != 3 || st.Jobs != 0 {
			t.Errorf("twelve minutes after the start %d are dirty, %d listed, %d jobs in flight", st.Dirty(), st.Listed, st.Jobs)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}
