package pipeline

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/ledger/record"
)

// I8: a retry is of the letters that were chosen. Whoever else SendGrid refused stays refused, and none of it is
// asked again; loading tells the same (I13).
func TestARetryMakesOnlyTheChosenRefusedContactsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.refuse["ada1@example.com"], w.refuse["ada2@example.com"] = true, true
		d, stop := w.run(w.options())
		for i := 1; i <= 3; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(2 * time.Minute)
		if st := d.Stats(); st.RefusedNow != 2 || st.Listed != 1 || len(w.seen().letters) != 2 {
			t.Fatalf("%d refused, %d listed, %d letters", st.RefusedNow, st.Listed, len(w.seen().letters))
		}
		w.mu.Lock()
		clear(w.refuse) // SendGrid would take both now
		w.mu.Unlock()

		out, err := d.Retry(t.Context(), record.Command{Name: "retry"}, []uint64{1})
		if err != nil || out.Due != 1 || out.Folded != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff(emails(1, 3), w.list()); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
		if st := d.Stats(); st.RefusedNow != 1 || st.Listed != 2 {
			t.Errorf("%d refused, %d listed", st.RefusedNow, st.Listed)
		}

		// The operator's word alone, without the contacts that it is of, makes nobody due.
		if err := d.Do(t.Context(), record.Command{Name: "retry"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if st := d.Stats(); st.RefusedNow != 1 {
			t.Errorf("%d refused after a retry of nobody", st.RefusedNow)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}

		d, stop = w.run(w.options())
		time.Sleep(2 * time.Minute)
		if st := d.Stats(); st.RefusedNow != 1 || st.Listed != 2 {
			t.Errorf("loaded: %d refused, %d listed", st.RefusedNow, st.Listed)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}
