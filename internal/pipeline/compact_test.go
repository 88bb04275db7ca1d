package pipeline

import (
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// fakeCompactor counts what it is asked to store.
type fakeCompactor struct {
	*fakeJournal
	stored, pointers, purged atomic.Int64
}

func (c *fakeCompactor) StoreSnapshot(_ context.Context, covers uint64, write func(io.Writer) error) (ledger.Pointer, error) {
	c.stored.Add(1)
	return ledger.Pointer{Object: "o", Covers: covers}, write(io.Discard)
}

func (c *fakeCompactor) CommitPointer(context.Context, ledger.Pointer) (uint64, error) {
	c.pointers.Add(1)
	return c.Tail(), nil
}

func (c *fakeCompactor) PurgeTo(context.Context, ledger.Pointer) error {
	c.purged.Add(1)
	return nil
}

func (c *fakeCompactor) ShredTo(ctx context.Context, p ledger.Pointer) error {
	return c.PurgeTo(ctx, p)
}

// A state that cannot be encoded once is stored later: the journal does not grow for ever, and an erasure that waits
// for its snapshot is not stuck.
func TestASnapshotThatCannotBeEncodedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		journal := &fakeJournal{world: w}
		c := &fakeCompactor{fakeJournal: journal}
		o.Journal, o.Compactor, o.SnapshotEvery = journal, c, 1
		d, stop := w.run(o)
		encodable := func(yes bool) {
			if err := d.inside(t.Context(), func(l *loop) {
				l.state.Meta.Replay = nil
				if !yes {
					l.state.Meta.Replay = &record.Replay{State: state.ReplayDone, Share: math.NaN()} // JSON has no such number
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		encodable(false)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(time.Second)
		if n := c.stored.Load(); n != 0 {
			t.Fatalf("%d snapshots of a state that cannot be encoded", n)
		}
		encodable(true)
		w.publish("a", "p2", "entered", ada(2))
		time.Sleep(time.Second)
		if c.stored.Load() == 0 || c.pointers.Load() == 0 || c.purged.Load() == 0 {
			t.Errorf("%d snapshots, %d pointers, %d purges after the state could be encoded again", c.stored.Load(), c.pointers.Load(), c.purged.Load())
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// Who may claim is judged by the whole binding, the mapping included: a replica with the same mapping is no stranger.
func TestABindingIsJudgedWithItsMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		synctest.Wait()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		o := w.options()
		refused := errors.New("judged")
		o.Admit = func(last record.Claim, want record.Binding) error {
			if last.Binding.Mapping == "" || last.Binding.Mapping != want.Mapping {
				t.Errorf("the claim was made with the mapping %q, the same configuration is judged with %q", last.Binding.Mapping, want.Mapping)
			}
			return refused
		}
		d := New(o)
		if err := d.Run(t.Context()); !errors.Is(err, refused) {
			t.Fatal(err)
		}
	})
}
