package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// What the guard holds whole is no dirty contact: numbers, story and approval tell of it all the same.
func TestASweepThatIsHeldWholeIsToldAndApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Guard.MinRemovals = 2
		d, stop := w.run(o)
		w.crowd("a", 6)
		time.Sleep(10 * time.Minute)
		w.refresh("a", w.last+1, 0)
		time.Sleep(10 * time.Minute)
		var held state.Held
		if err := d.Ask(t.Context(), func(s *state.State) { held = s.Held() }); err != nil {
			t.Fatal(err)
		}
		if st := d.Stats(); held.Count != 6 || st.HeldSweeps != 1 || st.Held != 0 || st.Listed != 6 {
			t.Fatalf("held %+v, numbers %+v", held, st)
		}
		if story := w.explain(d, "p1"); len(story.Profiles) != 1 || !story.Profiles[0].Memberships[0].Held {
			t.Errorf("the story of a member that is to leave: %+v", story.Profiles)
		}
		if err := d.Do(t.Context(), record.Command{Name: "approve", Who: "ada@desk", Count: held.Count, Digest: held.Digest}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if st := d.Stats(); st.HeldSweeps != 0 || st.Listed != 0 || len(w.list()) != 0 {
			t.Errorf("after the approval: %+v, %d on the list", st, len(w.list()))
		}
		mustStop(t, stop)
	})
}
