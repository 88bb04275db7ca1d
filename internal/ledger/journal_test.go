package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// openOn opens a journal over a broker's streams.
func openOn(t *testing.T, c *broker.Conn, destination string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), c.JS, destination, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// loaded is what a Load handed out.
type loaded struct {
	snapshot string
	entries  []string
	tail     uint64
}

func load(t *testing.T, j *Journal) loaded {
	t.Helper()
	got, err := tryLoad(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func tryLoad(ctx context.Context, j *Journal) (got loaded, err error) {
	got.tail, err = j.Load(ctx, func(r io.Reader) error {
		text, err := io.ReadAll(r)
		got.snapshot = string(text)
		return err
	}, func(_ uint64, body []byte) error {
		got.entries = append(got.entries, string(body))
		return nil
	})
	return got, err
}

func appendAll(t *testing.T, j *Journal, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := j.Append(t.Context(), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
}

func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// I13: what was appended is what is loaded, in order, whoever loads it, and each destination has its own.
func TestAJournalLoadsWhatWasAppendedAndNothingOfItsNeighbours(t *testing.T) {
	c := testkit.Broker(t)
	a, b := openOn(t, c, "a"), openOn(t, c, "b")
	if got := load(t, a); got.tail != 0 || len(got.entries) != 0 {
		t.Fatalf("a new ledger loaded %+v", got)
	}
	load(t, b)
	appendAll(t, a, "one")
	appendAll(t, b, "other")
	appendAll(t, a, "two", "three")
	got := load(t, openOn(t, c, "a"))
	if !slices.Equal(got.entries, []string{"one", "two", "three"}) || got.tail != a.Tail() {
		t.Errorf("loaded %+v, the writer's tail is %d", got, a.Tail())
	}
}

// I2: whoever loaded before another wrote is fenced, and stays so until it loads again.
func TestAWriterThatWasOvertakenIsFenced(t *testing.T) {
	c := testkit.Broker(t)
	old, young := openOn(t, c, "a"), openOn(t, c, "a")
	load(t, old)
	appendAll(t, old, "claim of the old one")
	load(t, young)
	appendAll(t, young, "claim of the young one")
	if _, err := old.Append(t.Context(), []byte("late")); !errors.Is(err, ErrFenced) {
		t.Fatalf("an overtaken writer got %v", err)
	}
	if _, err := old.Append(t.Context(), []byte("again")); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("it could try again without loading: %v", err)
	}
	if got := load(t, young); len(got.entries) != 2 {
		t.Errorf("the journal holds %q", got.entries)
	}
}

// A snapshot replaces the journal's beginning; the tail joins it.
func TestASnapshotReplacesTheBeginning(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	for round := range 3 {
		appendAll(t, j, fmt.Sprint("before ", round))
		if err := j.Snapshot(t.Context(), j.Tail(), writes(fmt.Sprint("state ", round))); err != nil {
			t.Fatal(err)
		}
		appendAll(t, j, fmt.Sprint("after ", round))
	}
	got := load(t, openOn(t, c, "a"))
	if got.snapshot != "state 2" || !slices.Equal(got.entries, []string{"after 2"}) {
		t.Errorf("loaded %+v", got)
	}
	names, err := j.store.list(t.Context(), "a.")
	if err != nil || len(names) != 1 {
		t.Errorf("snapshots left: %v, %v", names, err)
	}
	if info, err := j.store.(*streamStore).stream.Info(t.Context()); err != nil || info.State.Msgs != 2 {
		t.Errorf("the journal holds %d messages, want the pointer and the entry after it (%v)", info.State.Msgs, err)
	}
}

// H3: a pointer whose object is gone, a snapshot without its journal, a tail without its head, a snapshot
// that was changed: none is believed.
func TestALedgerThatWasTamperedWithIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, j *Journal, s *streamStore)
		want error
	}{
		"snapshot gone": {func(t *testing.T, _ *Journal, s *streamStore) {
			names, _ := s.list(t.Context(), "a.")
			if err := s.remove(t.Context(), names[0], false); err != nil {
				t.Fatal(err)
			}
		}, ErrLost},
		"journal gone": {func(t *testing.T, j *Journal, s *streamStore) {
			if err := s.purgeBelow(t.Context(), j.Tail()+1, false); err != nil {
				t.Fatal(err)
			}
		}, ErrLost},
		"an entry in the middle gone": {func(t *testing.T, j *Journal, s *streamStore) {
			if err := s.stream.DeleteMsg(t.Context(), j.Tail()-1); err != nil {
				t.Fatal(err)
			}
		}, ErrDamaged},
		"another object by its name": {func(t *testing.T, _ *Journal, s *streamStore) {
			names, _ := s.list(t.Context(), "a.")
			if err := s.put(t.Context(), names[0], []byte("something else")); err != nil {
				t.Fatal(err)
			}
		}, ErrDamaged},
		"a form of tomorrow": {func(t *testing.T, j *Journal, s *streamStore) {
			if _, err := s.publish(t.Context(), message{id: "x", previous: j.Tail(), format: Format + 1}, j.Tail()); err != nil {
				t.Fatal(err)
			}
		}, ErrNewerBuild},
	} {
		t.Run(name, func(t *testing.T) {
			conn := testkit.Broker(t)
			j := openOn(t, conn, "a")
			load(t, j)
			appendAll(t, j, "one")
			if err := j.Snapshot(t.Context(), j.Tail(), writes("state")); err != nil {
				t.Fatal(err)
			}
			appendAll(t, j, "two", "three")
			c.harm(t, j, j.store.(*streamStore))
			if got, err := tryLoad(t.Context(), openOn(t, conn, "a")); !errors.Is(err, c.want) {
				t.Errorf("loaded %+v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// losing is a store whose answers to publishes are lost, after or before the entry is stored.
type losing struct {
	*streamStore
	stored func() bool // whether the next publish reaches the broker
	lost   int         // how many more answers are lost
}

var errNoAnswer = errors.New("no answer")

func (s *losing) publish(ctx context.Context, m message, expected uint64) (uint64, error) {
	if s.lost == 0 {
		return s.streamStore.publish(ctx, m, expected)
	}
	s.lost--
	if s.stored() {
		if _, err := s.streamStore.publish(ctx, m, expected); err != nil {
			return 0, err
		}
	}
	return 0, errNoAnswer
}

// H17: an answer that was lost leaves exactly one entry, whether the entry was stored or not.
func TestALostAnswerNeitherLosesNorRepeatsAnEntry(t *testing.T) {
	for name, stored := range map[string]bool{"stored": true, "not stored": false} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Broker(t)
			j := openOn(t, c, "a")
			load(t, j)
			appendAll(t, j, "one")
			j.store = &losing{streamStore: j.store.(*streamStore), stored: func() bool { return stored }, lost: 2}
			appendAll(t, j, "two", "three")
			if got := load(t, openOn(t, c, "a")); !slices.Equal(got.entries, []string{"one", "two", "three"}) {
				t.Errorf("the journal holds %q", got.entries)
			}
		})
	}
}

// H17: one's own entry in the tail is not enough: had another claimed behind it, its writer is not the
// owner any more.
func TestALostAnswerWithAClaimBehindItIsAFence(t *testing.T) {
	c := testkit.Broker(t)
	j, other := openOn(t, c, "a"), openOn(t, c, "a")
	load(t, j)
	appendAll(t, j, "one")
	inner := j.store.(*streamStore)
	j.store = &losing{streamStore: inner, lost: 1, stored: func() bool {
		if _, err := inner.publish(t.Context(), message{id: "ours", previous: j.tail, format: Format, body: []byte("ours")}, j.tail); err != nil {
			t.Error(err)
		}
		load(t, other)
		appendAll(t, other, "claim")
		return false
	}}
	if _, err := j.Append(t.Context(), []byte("two")); !errors.Is(err, ErrFenced) {
		t.Errorf("appended behind another's claim: %v", err)
	}
}

// While nobody answers, an append goes on trying until its context ends, and then says that it does not know.
func TestAnAppendThatIsNeverAnsweredEndsWithItsContext(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	j.store = &losing{streamStore: j.store.(*streamStore), lost: 1 << 30, stored: func() bool { return false }}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := j.Append(ctx, []byte("one")); !errors.Is(err, ErrUncertain) {
		t.Errorf("it said %v", err)
	}
}

func TestAnEntryThatNoMessageHoldsIsRefusedAndCostsNothing(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	var large *TooLargeError
	if _, err := j.Append(t.Context(), bytes.Repeat([]byte{1}, MaxEntry+1)); !errors.As(err, &large) {
		t.Fatalf("it said %v", err)
	}
	appendAll(t, j, string(bytes.Repeat([]byte{1}, MaxEntry)))
}

// An erasure leaves neither journal nor snapshot with what they held, and the ledger goes on.
func TestShreddingLeavesALedgerThatLoads(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	appendAll(t, j, "ada@example.com")
	if err := j.Snapshot(t.Context(), j.Tail(), writes("ada@example.com")); err != nil {
		t.Fatal(err)
	}
	appendAll(t, j, "erased")
	p, err := j.StoreSnapshot(t.Context(), j.Tail(), writes("nobody"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.CommitPointer(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := j.ShredTo(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := load(t, openOn(t, c, "a")); got.snapshot != "nobody" || len(got.entries) != 0 {
		t.Errorf("loaded %+v", got)
	}
}
