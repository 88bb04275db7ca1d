package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// slowJournal takes a while for each entry, so that something happens while one is under way.
type slowJournal struct {
	fakeJournal
	took time.Duration
}

func (j *slowJournal) Append(ctx context.Context, body []byte) (uint64, error) {
	time.Sleep(j.took)
	return j.fakeJournal.Append(ctx, body)
}

// proofs are the receipts of erasures.
func (g glimpse) proofs() []string {
	return slices.DeleteFunc(slices.Clone(g.receipts), func(r string) bool { return !strings.Contains(r, `"kind":"erasure"`) })
}

// traffic publishes an event of somebody else each time that so long has passed, until it is stopped.
func (w *world) traffic(every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				w.publish("b", fmt.Sprint("other", n%7), []string{"entered", "exited"}[n%2], ada(900+n%7))
			}
		}
	}()
	return func() { cancel(); <-done }
}

// H33: under ordinary traffic each stage of an erasure is done once, and its one proof tells what was overwritten.
func TestAStageOfAnErasureIsDoneOnceUnderTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		purger, others := &purges{w: w}, &neighbours{failed: 1}
		o.Journal, o.Purger, o.Neighbours = &slowJournal{fakeJournal{world: w}, 40 * time.Millisecond}, purger, others
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(2 * time.Minute)
		quiet := w.traffic(15 * time.Millisecond)
		w.erase("p1")
		time.Sleep(10 * time.Minute)
		quiet()
		if diff := cmp.Diff(emails(1), others.emails); diff != "" {
			t.Errorf("what the other destinations were asked for: %s", diff)
		}
		if n := len(purger.overwritten); n != 1 {
			t.Errorf("the events were overwritten %d times", n)
		}
		proofs := w.seen().proofs()
		if len(proofs) != 1 || !strings.Contains(proofs[0], `"events_overwritten":1`) {
			t.Errorf("the proofs: %v", proofs)
		}
		mustStop(t, stop)
	})
}

// H32, H15: the end of one erasure lets go of nothing that another one names: the account's other destinations
// are told every address of each.
func TestTheEndOfAnErasureKeepsWhatAnotherOneNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Keep = time.Hour // contacts are let go of by the hour as well
		purger, others := &purges{w: w}, &neighbours{failed: 1, takes: 10 * time.Second}
		o.Purger, o.Neighbours = purger, others
		d, stop := w.run(o)
		var want []int
		for n := 1; n <= 10; n++ {
			w.publish("a", fmt.Sprint("p", n), "entered", ada(n))
			want = append(want, n)
		}
		time.Sleep(2 * time.Minute)
		for n := 1; n <= 10; n++ {
			w.erase(fmt.Sprint("p", n))
		}
		time.Sleep(20 * time.Minute)
		slices.Sort(others.emails)
		wanted := emails(want...)
		slices.Sort(wanted)
		if diff := cmp.Diff(wanted, others.emails); diff != "" {
			t.Error(diff)
		}
		if n := len(w.seen().proofs()); n != 10 {
			t.Errorf("%d proofs of 10 erasures", n)
		}
		if st := d.Stats(); st.Contacts != 10 || st.Dirty() != 0 { // of them no row has an address any more
			t.Errorf("after the erasures: %+v", st)
		}
		mustStop(t, stop)
	})
}

// H32: the hourly forgetting, too, keeps what an open erasure names.
func TestTheHourlyForgettingKeepsWhatAnErasureNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Keep = time.Hour
		others := &neighbours{busyUntil: time.Now().Add(5 * time.Hour)}
		o.Purger, o.Neighbours = &purges{w: w}, others
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		time.Sleep(2 * time.Minute)
		w.publish("a", "p2", "exited", "")
		w.erase("p1")
		time.Sleep(6 * time.Hour)
		if diff := cmp.Diff(emails(1), others.emails); diff != "" {
			t.Error(diff)
		}
		mustStop(t, stop)
	})
}

// One erasure that cannot go on does not keep the others, which have proofs of their own figures.
func TestAnErasureThatCannotGoOnKeepsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		others := &neighbours{refuses: "ada1@example.com"}
		o.Purger, o.Neighbours = &purges{w: w}, others
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		w.publish("b", "p2", "entered", ada(2))
		time.Sleep(2 * time.Minute)
		w.erase("p1")
		w.erase("p2")
		time.Sleep(20 * time.Minute)
		proofs := w.seen().proofs()
		if len(proofs) != 1 || !strings.Contains(proofs[0], `"sequence":5`) || !strings.Contains(proofs[0], `"events_overwritten":2`) {
			t.Errorf("the proofs: %v", proofs)
		}
		others.mu.Lock()
		others.refuses = ""
		others.mu.Unlock()
		time.Sleep(20 * time.Minute)
		proofs = w.seen().proofs()
		if len(proofs) != 2 || !strings.Contains(proofs[1], `"sequence":4`) || !strings.Contains(proofs[1], `"events_overwritten":1`) {
			t.Errorf("the proofs in the end: %v", proofs)
		}
		mustStop(t, stop)
	})
}

// H33: the figures of an erasure are kept over failures and restarts, and add up to what was there.
func TestTheFiguresOfAnErasureAddUpOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.history = true
		purger := &purges{w: w, few: 2, fails: 3}
		options := func() Options {
			o := w.options()
			o.Purger, o.Neighbours = purger, &neighbours{failed: 1, owed: []string{"sleeper"}}
			return o
		}
		_, stop := w.run(options())
		for n := range 7 {
			w.publish("a", "p1", "entered", ada(1+n%2))
		}
		time.Sleep(10 * time.Minute)
		w.erase("p1")
		for range 40 {
			time.Sleep(7 * time.Second)
			mustStop(t, stop)
			_, stop = w.run(options())
		}
		time.Sleep(10 * time.Minute)
		proofs := w.seen().proofs()
		if len(proofs) != 1 || !strings.Contains(proofs[0], `"events_overwritten":7`) || !strings.Contains(proofs[0], `"rechecks_owed":["sleeper"]`) {
			t.Errorf("the proofs: %v", proofs)
		}
		if n := len(purger.overwritten); n < 5 {
			t.Errorf("it was overwritten in %d steps: none failed", n)
		}
		mustStop(t, stop)
	})
}

// A stream that keeps events for ever is called so: no day is named on which they go.
func TestAProofNamesNoDayWhereEventsStayForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Purger = &purges{w: w, kept: true}
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(2 * time.Minute)
		w.erase("p1")
		time.Sleep(10 * time.Minute)
		proofs := w.seen().proofs()
		if len(proofs) != 1 || !strings.Contains(proofs[0], `"events_until":"never"`) || !strings.Contains(proofs[0], "the person's events stay in it") {
			t.Errorf("the proofs: %v", proofs)
		}
		mustStop(t, stop)
	})
}
