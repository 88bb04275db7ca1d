package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// records is a stream of receipts that does not take every one.
type records struct {
	*world
	mu     sync.Mutex
	tried  map[string]int
	refuse func(body string, tries int) error
}

func (r *records) PublishReceipt(ctx context.Context, destination string, body []byte) error {
	r.mu.Lock()
	r.tried[string(body)]++
	err := r.refuse(string(body), r.tried[string(body)])
	r.mu.Unlock()
	if err != nil {
		return err
	}
	return r.world.PublishReceipt(ctx, destination, body)
}

// takes changes what the stream takes from now on.
func (r *records) takes(refuse func(string, int) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

var errNoRecords = errors.New("the stream of receipts takes none")

func never(string, int) error  { return errNoRecords }
func always(string, int) error { return nil }

func (w *world) withRecords(refuse func(string, int) error) (Options, *records) {
	r := &records{world: w, tried: map[string]int{}, refuse: refuse}
	o := w.options()
	o.Letters = r
	return o, r
}

// recorded counts the receipts that the stream holds and that have each of some texts in them.
func (w *world) recorded(texts ...string) (n int) {
	for _, body := range w.seen().receipts {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(body, text)
		}
		if all {
			n++
		}
	}
	return n
}

// strictJournal fails a test where an entry ends work whose receipt is not stored yet.
type strictJournal struct {
	*fakeJournal
	shadow *state.State
	ended  map[string]int
}

func (j *strictJournal) Append(ctx context.Context, body []byte) (uint64, error) {
	open := map[uint64]bool{}
	for _, b := range j.shadow.Flight.Open() {
		open[b.ID] = true
	}
	settled := map[uint64]bool{}
	err := record.Records(body, func(rec record.Record) error {
		switch r := rec.(type) {
		case *record.Settled:
			settled[r.Batch] = true
		case *record.Judge:
			j.holds("refresh", fmt.Sprintf(`"sequence":%d,`, r.Sequence))
		case *record.Erasure:
			if r.Stage == record.Proven {
				j.holds("erasure", fmt.Sprintf(`"sequence":%d,`, r.Sequence))
			}
		case *record.Replay:
			if r.State == state.ReplayDone || r.State == state.ReplayTold {
				j.holds("replay", fmt.Sprintf("%q", r.ID))
			}
		}
		return nil
	})
	if err = errors.Join(err, j.shadow.Apply(body)); err != nil {
		j.world.t.Errorf("an entry: %v", err)
	}
	for id := range settled {
		if open[id] && j.shadow.Flight.Get(id) == nil {
			j.holds("job", fmt.Sprintf(`"batch":%d,`, id))
		}
	}
	return j.fakeJournal.Append(ctx, body)
}

func (j *strictJournal) holds(kind, text string) {
	j.ended[kind]++
	if j.world.recorded(fmt.Sprintf(`"kind":%q`, kind), text) == 0 {
		j.world.t.Errorf("%s %s ended before its receipt was stored", kind, text)
	}
}

// The contract says *at least once*: whatever ends does so once its receipt is stored, also where the stream does not take the
// first tries, so that whoever takes over after a crash between the two ends it, and tells of it, once more.
func TestWorkEndsOnceItsReceiptIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o, _ := w.withRecords(func(_ string, tries int) error {
			if tries < 3 {
				return errNoRecords
			}
			return nil
		})
		j := &strictJournal{&fakeJournal{world: w}, state.NewState(o.Policy, o.Salt), map[string]int{}}
		o.Journal = j
		d, stop := w.run(o)
		for i := 1; i <= 3; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(2 * time.Minute)
		w.publish("a", "p1", "exited", "")
		time.Sleep(5 * time.Minute)
		w.refresh("a", 1, 3)
		w.refresh("a", 2, 300) // refused: so many were never seen
		time.Sleep(2 * time.Minute)
		for _, cancelled := range []bool{false, true} {
			if _, err := d.Replay(t.Context(), record.Command{}, record.Replay{Force: true}); err != nil {
				t.Fatal(err)
			}
			if cancelled {
				if _, err := d.CancelReplay(t.Context(), record.Command{}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(5 * time.Minute)
		}
		w.erase("p2", "ada2@example.com")
		time.Sleep(10 * time.Minute)
		mustStop(t, stop)
		for kind, least := range map[string]int{"job": 3, "refresh": 2, "replay": 2, "erasure": 1} {
			if j.ended[kind] < least {
				t.Errorf("%d of kind %s ended, want %d or more", j.ended[kind], kind, least)
			}
		}
		if n := w.recorded(`"kind":"replay"`, `"reason":"cancelled"`); n != 1 {
			t.Errorf("%d receipts of the cancelled replay", n)
		}
		if n := w.recorded(`"kind":"refresh"`, `"verdict":"refused"`); n != 1 {
			t.Errorf("%d receipts of the refused refresh", n)
		}
	})
}

// I7, I10: a process that ends between a job's end, or a replay's cancelling, and its receipt leaves both to the next one.
func TestAReceiptThatACrashCutOffIsPublishedByWhoeverTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o, _ := w.withRecords(always)
		d, stop := w.run(o)
		for i := 1; i <= 3; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(5 * time.Minute)
		if _, err := d.Replay(t.Context(), record.Command{}, record.Replay{Force: true}); err != nil {
			t.Fatal(err)
		}
		mustStop(t, stop)

		o, r := w.withRecords(never)
		d, stop = w.run(o)
		if _, err := d.CancelReplay(t.Context(), record.Command{}); err != nil {
			t.Fatal(err)
		}
		w.publish("a", "p4", "entered", ada(4))
		time.Sleep(55 * time.Second) // its job ended some seconds ago
		mustStop(t, stop)
		if len(r.tried) < 2 || w.recorded(`"replay"`) != 0 {
			t.Fatalf("%d receipts were tried, %d are stored", len(r.tried), len(w.seen().receipts))
		}
		jobs := w.recorded(`"kind":"job"`)

		o, _ = w.withRecords(always)
		_, stop = w.run(o)
		time.Sleep(2 * time.Minute)
		mustStop(t, stop)
		if n := w.recorded(`"kind":"job"`); n != jobs+1 {
			t.Errorf("%d receipts of jobs, want %d", n, jobs+1)
		}
		_, stop = w.run(o)
		time.Sleep(2 * time.Minute)
		mustStop(t, stop)
		if n := w.recorded(`"kind":"replay"`, `"cancelled"`); n != 1 {
			t.Errorf("%d receipts of the cancelled replay, want one however often it was taken over", n)
		}
	})
}

// I8: a stream of receipts that takes none holds no contact for longer than a minute, and gets its receipts when it is back.
func TestContactsDoNotWaitForAStreamOfReceiptsThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o, r := w.withRecords(never)
		d, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(2 * time.Minute)
		if st := d.Stats(); st.Listed != 1 || st.Dirty() != 0 {
			t.Fatalf("after two minutes: %+v", st)
		}
		w.publish("a", "p2", "entered", ada(2))
		time.Sleep(time.Minute) // what follows does not wait at all
		if st := d.Stats(); st.Listed != 2 || st.Dirty() != 0 {
			t.Fatalf("of another, a minute later: %+v", st)
		}
		if n := len(w.seen().receipts); n != 0 {
			t.Fatalf("%d receipts are stored", n)
		}
		r.takes(always)
		time.Sleep(time.Minute)
		if n := w.recorded(`"kind":"job"`); n != 2 {
			t.Errorf("%d receipts once the stream is back, want both", n)
		}
		mustStop(t, stop)
	})
}
