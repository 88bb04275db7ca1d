package pipeline

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/sendgrid"
)

func ada(n int) string {
	return fmt.Sprintf(`{"email":"ada%d@example.com","first_name":"Ada","country":"GB"}`, n)
}

func emails(numbers ...int) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, fmt.Sprintf("ada%d@example.com", n))
	}
	return out
}

func TestWhoEntersIsListedAndWhoExitsIsTakenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(1, 2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if st := d.Stats(); st.Listed != 2 || st.OnTheWay != 0 {
			t.Fatalf("listed %d, on the way %d", st.Listed, st.OnTheWay)
		}
		w.publish("a", "p1", "exited", "")
		time.Sleep(3 * time.Minute)
		if diff := cmp.Diff(emails(2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if st := d.Stats(); st.Listed != 1 || st.Slots != 1 {
			t.Fatalf("listed %d, slots %d", st.Listed, st.Slots)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// Story 6 of the field: a join and a leave in one window is no call at all.
func TestEnteredThenExitedInsideTheWindowIsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(time.Second)
		w.publish("a", "p1", "exited", "")
		time.Sleep(2 * time.Minute)
		if n := len(w.seen().requests); n != 0 {
			t.Fatalf("requests were made: %v", w.seen().requests)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// I6, story 9: a contact stays while anything selects it.
func TestAMemberOfTwoSegmentsLeavesOneAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		w.publish("b", "p1", "entered", ada(1))
		time.Sleep(2 * time.Minute)
		w.publish("b", "p1", "exited", "")
		time.Sleep(5 * time.Minute)
		if diff := cmp.Diff(emails(1), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if w.seen().requests["remove"] != 0 {
			t.Fatal("a removal was asked for")
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// I5: the cap is exact; who waits is admitted, first come first served, when a removal is applied.
func TestTheCapHoldsAndTheNextInLineIsAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Cap = 2
		d, stop := w.run(o)
		for i := 1; i <= 4; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(1, 2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if st := d.Stats(); st.Waiting != 2 {
			t.Fatalf("%d wait, want 2", st.Waiting)
		}
		w.publish("a", "p1", "exited", "")
		time.Sleep(5 * time.Minute)
		if diff := cmp.Diff(emails(2, 3), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if w.seen().most > 2 {
			t.Fatalf("%d contacts were on the list at once", w.seen().most)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// I8, story 3: one bad e-mail is a dead letter, and is not tried again; the others go through at once.
func TestARefusedEmailDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.refuse["ada2@example.com"] = true
		_, stop := w.run(w.options())
		for i := 1; i <= 3; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(1, 3), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if len(w.seen().letters) != 1 || w.seen().letters[0].Reason != "sendgrid_refused" {
			t.Fatalf("letters: %+v", w.seen().letters)
		}
		if w.seen().requests["upsert"] != 2 {
			t.Fatalf("%d upserts, want 2", w.seen().requests["upsert"])
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// I4, H1: an answer that never came leaves the contact in doubt; the same content goes out again, and
// the removal waits.
func TestALostAnswerIsTriedAgainWithTheSameContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		lost := 0
		w.lose = func(op string) error {
			if op == "upsert" && lost == 0 {
				lost++
				return errors.New("connection reset")
			}
			return nil
		}
		d, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(3 * time.Minute)
		if diff := cmp.Diff(emails(1), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if n := w.seen().requests["upsert"]; n != 2 {
			t.Fatalf("%d upserts, want the first and its repetition", n)
		}
		time.Sleep(5 * time.Minute)
		if st := d.Stats(); st.Listed != 1 || st.InDoubt != 0 {
			t.Fatalf("listed %d, in doubt %d", st.Listed, st.InDoubt)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// H1: the answer to an add is lost, the repetition is applied, the person leaves, and then the first add
// is applied: the removal has to come after the first one's horizon, or nobody takes the contact off again.
func TestALateFirstTryCannotBringADepartedContactBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.delay = 4 * time.Minute // of the first job
		lost := 0
		w.lose = func(op string) error {
			w.delay = 0
			if op == "upsert" && lost == 0 {
				lost++
				return errors.New("connection reset")
			}
			return nil
		}
		_, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(90 * time.Second)
		w.publish("a", "p1", "exited", "")
		time.Sleep(3 * time.Minute)
		if n := w.seen().requests["remove"]; n != 0 {
			t.Fatalf("%d removals while the first add is in doubt", n)
		}
		time.Sleep(20 * time.Minute)
		if got := w.list(); len(got) != 0 {
			t.Fatalf("still listed: %v", got)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// I10, I13: a restart loses nothing, forgets no deadline, and comes to the same state.
func TestARestartGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(2 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if n := w.seen().requests["upsert"]; n != 0 {
			t.Fatalf("%d upserts before the window ended", n)
		}
		_, stop = w.run(w.options())
		time.Sleep(time.Minute)
		if diff := cmp.Diff(emails(1), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		_, stop = w.run(w.options())
		w.publish("a", "p1", "exited", "")
		time.Sleep(10 * time.Minute)
		if got := w.list(); len(got) != 0 {
			t.Fatalf("still listed: %v", got)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// Story of the outage: nothing is lost, requests are bounded, and it goes on by itself.
func TestAnOutageOfHoursLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fail = func(string) error { return &sendgrid.Error{Class: sendgrid.Unavailable, Status: 503, Message: "down"} }
		_, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(3 * time.Hour)
		w.publish("a", "p2", "entered", ada(2))
		time.Sleep(10 * time.Second)
		n := 0
		w.mu.Lock()
		for _, k := range w.requests {
			n += k
		}
		w.fail = nil
		w.mu.Unlock()
		if n > 600 {
			t.Fatalf("%d requests during the outage", n)
		}
		time.Sleep(20 * time.Minute)
		if diff := cmp.Diff(emails(1, 2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}
