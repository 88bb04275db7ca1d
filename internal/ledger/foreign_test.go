package ledger

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// stray publishes messages on a journal's subject as somebody who is no owner would, and returns the last one's sequence.
func stray(t *testing.T, c *broker.Conn, destination string, bodies ...string) (last uint64) {
	t.Helper()
	for i, body := range bodies {
		m := nats.NewMsg(subjectPrefix + destination)
		m.Data = []byte(body)
		switch i % 4 {
		case 1:
			m.Header.Set("Content-Type", "text/plain")
		case 2:
			m.Header.Set(headerID, "only a name")
		case 3:
			m.Header.Set(headerPointer, "{}")
			m.Header.Set(headerFormat, "9")
		}
		ack, err := c.JS.PublishMsg(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		last = ack.Sequence
	}
	return last
}

// onSubject is what lies on a journal's subject.
func onSubject(t *testing.T, j *Journal) (all []message) {
	t.Helper()
	err := j.store.read(t.Context(), reading{from: 1}, func(m message) error {
		all = append(all, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// eachWay runs a test with journals that read by consumers, and with some that read by gets alone.
func eachWay(t *testing.T, test func(t *testing.T, c *broker.Conn, open func() *Journal)) {
	for name, gets := range map[string]bool{"by consumers": false, "by gets": true} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Broker(t)
			test(t, c, func() *Journal {
				j, err := Open(t.Context(), c.JS, "a", Options{Gets: gets})
				if err != nil {
					t.Fatal(err)
				}
				return j
			})
		})
	}
}

// What lies on a journal's subject and is no entry of ours is passed over by every reader, wherever it lies: before the first
// entry, between two, and at the end.
func TestWhatIsNoEntryOfOursIsPassedOver(t *testing.T) {
	eachWay(t, func(t *testing.T, c *broker.Conn, open func() *Journal) {
		stray(t, c, "a", "before the first", "entry", "of", "ours")
		j := open()
		if got := load(t, j); got.tail != 0 || len(got.entries) != 0 {
			t.Fatalf("a ledger of strangers' messages alone loaded %+v", got)
		}
		if n := j.Foreign(); n != 4 {
			t.Errorf("it counts %d strangers' messages, want 4", n)
		}
		appendAll(t, j, "one")
		stray(t, c, "a", "between")
		appendAll(t, j, "two")
		stray(t, c, "a", "at", "the", "end", "of it")
		reader := open()
		if got := load(t, reader); !slices.Equal(got.entries, []string{"one", "two"}) || got.tail != j.Tail() {
			t.Errorf("loaded %+v, the writer's tail is %d", got, j.Tail())
		}
		if n := reader.Foreign(); n != 4 {
			t.Errorf("a reader counts %d strangers' messages, want the 4 that are left", n)
		}
	})
}

// The owner goes on behind them, each entry naming our own before it, and removes them; a reader removes nothing.
func TestTheOwnerRemovesWhatIsNoEntryOfOurs(t *testing.T) {
	eachWay(t, func(t *testing.T, c *broker.Conn, open func() *Journal) {
		told := 0
		j := open()
		j.told = func(n int) { told += n }
		load(t, j)
		appendAll(t, j, "one")
		one := j.Tail()
		stray(t, c, "a", "somebody's", "messages")
		load(t, open())
		if n := len(onSubject(t, j)); n != 3 {
			t.Fatalf("%d messages are there after a reader looked, want 3", n)
		}
		appendAll(t, j, "two", "three")
		all := onSubject(t, j)
		if len(all) != 3 || all[1].previous != one || all[2].previous != all[1].seq {
			t.Errorf("the subject holds %+v, want three entries, each behind the one before", all)
		}
		if told != 2 || j.Foreign() != 0 {
			t.Errorf("%d were told and %d are there, want 2 and 0", told, j.Foreign())
		}
	})
}

// I2: a claim behind strangers' messages, before them or between them is a fence as ever.
func TestAClaimAmongStrangersMessagesIsAFence(t *testing.T) {
	eachWay(t, func(t *testing.T, c *broker.Conn, open func() *Journal) {
		for _, strays := range [][2]int{{1, 0}, {0, 1}, {1, 1}} {
			old, young := open(), open()
			load(t, old)
			appendAll(t, old, "of the old owner")
			for range strays[0] {
				stray(t, c, "a", "before the claim")
			}
			load(t, young)
			appendAll(t, young, "claim")
			for range strays[1] {
				stray(t, c, "a", "behind the claim")
			}
			if _, err := old.Append(t.Context(), []byte("late")); !errors.Is(err, ErrFenced) {
				t.Errorf("strangers' messages %v: an overtaken writer got %v", strays, err)
			}
			appendAll(t, young, "goes on")
		}
	})
}

// H17: an entry whose acknowledgement was lost is found again when a stranger's message lies behind it.
func TestALostAnswerWithAStrangersMessageBehindItLeavesOneEntry(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	appendAll(t, j, "one")
	inner := j.store.(*streamStore)
	j.store = &losing{streamStore: inner, lost: 1, stored: func() bool { return true }}
	j.store = &strayed{store: j.store, after: func() { stray(t, c, "a", "behind it") }}
	appendAll(t, j, "two")
	appendAll(t, j, "three")
	if got := load(t, openOn(t, c, "a")); !slices.Equal(got.entries, []string{"one", "two", "three"}) {
		t.Errorf("the journal holds %q", got.entries)
	}
}

// strayed is a store on whose subject somebody publishes after the first try to publish.
type strayed struct {
	store
	after func()
}

func (s *strayed) publish(ctx context.Context, m message, expected uint64) (uint64, error) {
	seq, err := s.store.publish(ctx, m, expected)
	if s.after != nil {
		s.after()
		s.after = nil
	}
	return seq, err
}

// A journal whose entries were taken away is lost, whatever a stranger put in their place (H3).
func TestStrangersMessagesHideNoLoss(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	appendAll(t, j, "one", "two")
	s := j.store.(*streamStore)
	if err := s.purgeBelow(t.Context(), j.Tail()+1, false); err != nil {
		t.Fatal(err)
	}
	stray(t, c, "a", "in its place")
	if _, err := j.Append(t.Context(), []byte("three")); !errors.Is(err, ErrLost) {
		t.Errorf("appended behind what is gone: %v", err)
	}
	load(t, j)
	appendAll(t, j, "anew")
	if err := j.Snapshot(t.Context(), j.Tail(), writes("state")); err != nil {
		t.Fatal(err)
	}
	if err := s.purgeBelow(t.Context(), j.Tail()+1, false); err != nil {
		t.Fatal(err)
	}
	stray(t, c, "a", "in its place")
	if _, err := tryLoad(t.Context(), openOn(t, c, "a")); !errors.Is(err, ErrLost) {
		t.Errorf("loaded with %v", err)
	}
}

// A snapshot's pointer is committed behind a stranger's message, and the purge takes away what both replace.
func TestASnapshotAmongStrangersMessagesReplacesTheBeginning(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	for _, round := range []string{"first", "second"} {
		stray(t, c, "a", "before", "it")
		appendAll(t, j, "before "+round)
		stray(t, c, "a", "before", "its", "pointer")
		if err := j.Snapshot(t.Context(), j.Tail(), writes("state "+round)); err != nil {
			t.Fatal(err)
		}
		stray(t, c, "a", "behind", "it")
	}
	appendAll(t, j, "after")
	got := load(t, openOn(t, c, "a"))
	if got.snapshot != "state second" || !slices.Equal(got.entries, []string{"after"}) {
		t.Errorf("loaded %+v", got)
	}
	if all := onSubject(t, j); len(all) != 2 {
		t.Errorf("the subject holds %d messages, want the pointer and the entry after it", len(all))
	}
}

// A message that cannot be removed is passed over still, and costs later entries nothing.
func TestAStrangersMessageThatStaysIsPassedOver(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	appendAll(t, j, "one")
	stray(t, c, "a", "stays")
	tries := 0
	j.store = &keeping{store: j.store, tries: &tries}
	appendAll(t, j, "two", "three")
	if tries != 1 || j.Foreign() != 1 {
		t.Errorf("%d tries to remove, %d are counted as there, want one of each", tries, j.Foreign())
	}
	if got := load(t, openOn(t, c, "a")); !slices.Equal(got.entries, []string{"one", "two", "three"}) {
		t.Errorf("the journal holds %q", got.entries)
	}
}

// keeping is a store whose broker removes nothing.
type keeping struct {
	store
	tries *int
}

func (s *keeping) drop(context.Context, uint64) error {
	*s.tries++
	return errNoAnswer
}
