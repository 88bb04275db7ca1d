package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
)

// The lines of docs/failures.md that need a whole process, and a broker that is tampered with.

func (g *ground) delete(stream string) {
	g.t.Helper()
	if err := g.conn.JS.DeleteStream(g.t.Context(), stream); err != nil {
		g.t.Fatal(err)
	}
}

// crowd publishes profiles from to to-1, and waits until the list has n contacts.
func (g *ground) crowd(from, to, n int) {
	g.t.Helper()
	for i := from; i < to; i++ {
		g.enter(fmt.Sprintf("p%d", i))
	}
	eventually(g.t, fmt.Sprintf("%d contacts are listed", n), func() bool { return g.listed("d0") == n })
}

// suspended waits until a replica's d0 is suspended with a reason, in status and in the metrics.
func (r *replica) suspended(t *testing.T, reason string) {
	t.Helper()
	eventually(t, "suspended with "+reason, func() bool {
		st, _ := r.Stats("d0")
		return st.Suspended == reason && r.metric(t, "rollcall_suspended_info", "destination", "d0", "reason", reason) == 1
	})
}

// run starts a replica of d0 alone, whose list has three contacts.
func (g *ground) run() *replica {
	g.t.Helper()
	a := g.start("a", g.file(nil, "d0"))
	eventually(g.t, "it runs", func() bool { return a.active() == 1 })
	g.crowd(0, 3, 3)
	return a
}

// The event stream is gone when the broker comes back: the destination is suspended, removes nobody, and goes on by
// itself when the stream is back as it was bound.
func TestAStreamThatGoesAwaySuspendsAndGoesOnWhenItIsBack(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	aside := filepath.Join(t.TempDir(), "aside")
	g.offline(func(stream string) error { return os.Rename(stream, aside) })
	a.suspended(t, "stream_missing")
	if n := g.listed("d0"); n != 3 {
		t.Errorf("%d contacts are listed", n)
	}
	g.offline(func(stream string) error { return os.Rename(aside, stream) })
	eventually(t, "it runs again", func() bool { return a.active() == 1 })
	g.crowd(3, 5, 5)
}

// H11: the stream is made again while the destination runs and its connection holds. The durable is gone with the
// stream, and making it anew would read the other stream behind the old one's cursor: in silence, nothing.
func TestAStreamMadeAgainWhileRunningIsRefused(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	g.delete(broker.DefaultEventStream)
	if _, err := g.conn.EnsureEventStream(t.Context(), broker.DefaultEventStream, 1); err != nil {
		t.Fatal(err)
	}
	for i := range 9 { // beyond the old cursor
		g.enter(fmt.Sprintf("q%d", i))
	}
	a.suspended(t, "stream_changed")
	if n := g.listed("d0"); n != 3 {
		t.Errorf("%d contacts are listed", n)
	}
}

// H11: the broker's disk is put back to an older moment and the stream grows past its old end. It is the stream that
// was bound, and its last sequence is above the cursor: only the events' times tell. Noticed at the reconnection, and
// at a claim.
func TestADiskThatWasRestoredAndGrewPastTheCursorIsRefused(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{true, false} {
		t.Run(fmt.Sprintf("running %v", running), func(t *testing.T) {
			t.Parallel()
			g := newGround(t, "d0")
			a := g.run()
			older := filepath.Join(t.TempDir(), "older")
			g.offline(func(stream string) error { return os.CopyFS(older, os.DirFS(stream)) })
			g.crowd(3, 6, 6)
			a.stop(t)
			if running {
				a = g.start("b", g.file(nil, "d0"))
				eventually(t, "it runs", func() bool { return a.active() == 1 })
			}
			g.offline(func(stream string) error {
				return errors.Join(os.RemoveAll(stream), os.CopyFS(stream, os.DirFS(older)))
			}, 9)
			if !running {
				a = g.start("c", g.file(nil, "d0"))
			}
			a.suspended(t, "stream_changed")
			if n := g.listed("d0"); n != 6 {
				t.Errorf("%d contacts are listed", n)
			}
		})
	}
}

// A disk that was put back to a moment below the cursor.
func TestADiskThatWasRestoredToBelowTheCursorIsRefused(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	older := filepath.Join(t.TempDir(), "older")
	g.offline(func(stream string) error { return os.CopyFS(older, os.DirFS(stream)) })
	g.crowd(3, 6, 6)
	g.offline(func(stream string) error {
		return errors.Join(os.RemoveAll(stream), os.CopyFS(stream, os.DirFS(older)))
	})
	a.suspended(t, "stream_changed")
}

// The durable is deleted by hand while the destination runs: it is made again, and nothing is missed.
func TestAConsumerDeletedByHandIsMadeAgainAtTheCursor(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	if err := g.conn.DeleteConsumer(t.Context(), broker.DefaultEventStream, "d0"); err != nil {
		t.Fatal(err)
	}
	g.crowd(3, 6, 6)
	if a.active() != 1 {
		t.Error("the destination does not run any more")
	}
	eventually(t, "the new consumer is acknowledged", func() bool {
		at, there, err := g.conn.InspectConsumer(t.Context(), broker.DefaultEventStream, "d0")
		return err == nil && there && at.AckFloor == 6
	})
}

// The ledger's stream is deleted: while the destination runs, and before it is started again, when an empty one has
// been made in its place. A new ledger would know nobody who has left, and nobody who was erased.
func TestALedgerThatIsGoneIsLostAndNoNewOne(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	g.delete(broker.LedgerStream)
	g.enter("p3")
	a.suspended(t, "ledger_lost")
	a.stop(t)
	b := g.start("b", g.file(nil, "d0"))
	b.suspended(t, "ledger_lost")
	if n := g.listed("d0"); n != 3 {
		t.Errorf("%d contacts are listed", n)
	}
}

// An entry in the middle of the journal is gone.
func TestADamagedLedgerIsNotClaimed(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	g.run().stop(t)
	journal, err := g.conn.JS.Stream(t.Context(), broker.LedgerStream)
	if err != nil {
		t.Fatal(err)
	}
	last, err := journal.GetLastMsgForSubject(t.Context(), "rollcall.ledger.d0")
	if err != nil {
		t.Fatal(err)
	}
	middle := uint64(0)
	for seq := last.Sequence - 1; middle == 0; seq-- {
		if msg, err := journal.GetMsg(t.Context(), seq); err == nil && msg.Subject == "rollcall.ledger.d0" {
			middle = seq
		}
	}
	if err := journal.DeleteMsg(t.Context(), middle); err != nil {
		t.Fatal(err)
	}
	b := g.start("b", g.file(nil, "d0"))
	b.suspended(t, "ledger_damaged")
	after, err := journal.GetLastMsgForSubject(t.Context(), "rollcall.ledger.d0")
	if err != nil || after.Sequence != last.Sequence {
		t.Errorf("the journal ends at %v, %v; it ended at %d", after, err, last.Sequence)
	}
}

// Two builds side by side, and one release back: the ledger holds a record that this build does not know. It does
// not claim, and declines, so that a replica of the newer build is the one to go on.
func TestALedgerOfANewerBuildIsLeftToTheNewerBuild(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	g.run().stop(t)
	journal, err := ledger.Open(t.Context(), g.conn.JS, "d0", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Load(t.Context(), skipSnapshot, func(uint64, []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	unknown := append(record.NewEntry(nil), 200, 0, 0, 0, 0) // a record's kind, and its empty body
	if _, err := journal.Append(t.Context(), unknown); err != nil {
		t.Fatal(err)
	}
	b := g.start("b", g.file(nil, "d0"))
	b.suspended(t, "newer_build")
	eventually(t, "it declines", func() bool {
		view, _ := b.board.View()
		return len(view.Replicas) == 1 && len(view.Replicas[0].Declines) == 1
	})
}

// The snapshots' bucket is away while the destination runs: events are taken over and sent all the same.
func TestWithoutItsObjectStoreTheDestinationGoesOn(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	g.delete("OBJ_" + broker.SnapshotBucket)
	g.crowd(3, 6, 6)
	if a.active() != 1 {
		t.Error("the destination does not run any more")
	}
}

// Without consent events are taken over and nothing is sent; with it, what is owed goes.
func TestWithoutConsentNothingIsSentUntilItIsGiven(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	without := func(s string) string { return cut(s, "    consent: {accepted_by: dpo, accepted_on: 2026-11-01}\n") }
	a := g.start("a", g.file(without, "d0"))
	for i := range 3 {
		g.enter(fmt.Sprintf("p%d", i))
	}
	eventually(t, "the events are taken over", func() bool { st, _ := a.Stats("d0"); return st.Cursor == 3 })
	a.suspended(t, "consent")
	eventually(t, "the window is over", func() bool { st, _ := a.Stats("d0"); return st.Age(time.Now()) > 2e9 })
	if n := g.sim.Summary().Requests["PUT contacts"]; n != 0 {
		t.Errorf("%d upserts without consent", n)
	}
	a.stop(t)
	g.start("b", g.file(nil, "d0"))
	eventually(t, "all are listed", func() bool { return g.listed("d0") == 3 })
}
