package ledger

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// H37: a journal that was restored to before a snapshot which is still there is lost, whatever pointer it has itself. Said to
// be compacted meanwhile, it would be loaded again for ever.
func TestALedgerRestoredToBeforeItsSnapshotsIsLost(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	load(t, j)
	appendAll(t, j, "one", "two")
	if err := j.Snapshot(t.Context(), j.Tail(), writes("one two")); err != nil {
		t.Fatal(err)
	}
	appendAll(t, j, "three")
	if err := j.store.put(t.Context(), objectName("a", j.Tail()+100), []byte("of what came later")); err != nil {
		t.Fatal(err)
	}
	if _, err := tryLoad(t.Context(), openOn(t, c, "a")); !errors.Is(err, ErrLost) {
		t.Fatalf("loaded with %v", err)
	}
}

// growing is a store whose owner writes on between two steps of a loading.
type growing struct {
	store
	grow func()
}

func (s *growing) list(ctx context.Context, prefix string) ([]string, error) {
	if s.grow != nil {
		s.grow()
		s.grow = nil
	}
	return s.store.list(ctx, prefix)
}

func TestASnapshotStoredWhileTheLedgerIsLoadedIsNoLoss(t *testing.T) {
	c := testkit.Broker(t)
	owner := openOn(t, c, "a")
	load(t, owner)
	appendAll(t, owner, "one")
	reader := openOn(t, c, "a")
	reader.store = &growing{store: reader.store, grow: func() {
		appendAll(t, owner, "two")
		if _, err := owner.StoreSnapshot(t.Context(), owner.Tail(), writes("one two")); err != nil { // its pointer follows
			t.Error(err)
		}
	}}
	if _, err := tryLoad(t.Context(), reader); !errors.Is(err, ErrMoved) {
		t.Fatalf("loaded with %v", err)
	}
	if got := load(t, reader); got.tail != owner.Tail() {
		t.Errorf("loaded up to %d of %d", got.tail, owner.Tail())
	}
}

// parts counts the messages of the snapshots' bucket.
func parts(t *testing.T, c *broker.Conn) (objects, parts int) {
	t.Helper()
	stream, err := c.JS.Stream(t.Context(), "OBJ_"+broker.SnapshotBucket)
	if err != nil {
		t.Fatal(err)
	}
	for filter, n := range map[string]*int{"$O." + broker.SnapshotBucket + ".M.>": &objects, "$O." + broker.SnapshotBucket + ".C.>": &parts} {
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(filter))
		if err != nil {
			t.Fatal(err)
		}
		*n = len(info.State.Subjects)
	}
	return objects, parts
}

// cutShort leaves what a kill leaves of a snapshot: its parts, without what makes them an object.
func cutShort(t *testing.T, c *broker.Conn, j *Journal) {
	t.Helper()
	p, err := j.StoreSnapshot(t.Context(), j.Tail(), writes("cut short"))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := c.JS.Stream(t.Context(), "OBJ_"+broker.SnapshotBucket)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("$O."+broker.SnapshotBucket+".M.>"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := c.JS.ObjectStore(t.Context(), broker.SnapshotBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objects.GetInfo(t.Context(), p.Object); err != nil || len(info.State.Subjects) == 0 {
		t.Fatalf("the snapshot is no object: %v", err)
	}
	last, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), last.State.LastSeq); err != nil { // the object's own message came last
		t.Fatal(err)
	}
}

// What a kill left of a snapshot goes with the next one, also when an erasure has it overwritten; a neighbour's parts, and those
// of a snapshot that a later owner is storing, stay.
func TestThePartsOfASnapshotThatWasCutShortGoWithTheNextOne(t *testing.T) {
	for name, trim := range map[string]func(*Journal, context.Context, Pointer) error{"purged": (*Journal).PurgeTo, "overwritten": (*Journal).ShredTo} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Broker(t)
			j, neighbour := openOn(t, c, "a"), openOn(t, c, "b")
			load(t, j)
			load(t, neighbour)
			appendAll(t, j, "one", "two")
			appendAll(t, neighbour, "of b")
			cutShort(t, c, j)
			cutShort(t, c, neighbour)
			p, err := j.StoreSnapshot(t.Context(), j.Tail(), writes("one two"))
			if err == nil {
				_, err = j.CommitPointer(t.Context(), p)
			}
			if err != nil {
				t.Fatal(err)
			}
			later := openOn(t, c, "a")
			load(t, later)
			cutShort(t, c, later) // or is being stored: nobody can tell
			if err := trim(j, t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if objects, parts := parts(t, c); objects != 1 || parts != 3 {
				t.Errorf("%d objects of %d parts, want 1 and 3: its own, the neighbour's, the later owner's", objects, parts)
			}
			if got := load(t, openOn(t, c, "a")); got.snapshot != "one two" {
				t.Errorf("the snapshot says %q", got.snapshot)
			}
			if err := later.Abandon(t.Context()); err != nil {
				t.Fatal(err)
			}
			if objects, parts := parts(t, c); objects != 0 || parts != 1 {
				t.Errorf("abandoned, it leaves %d objects of %d parts; the neighbour's is one", objects, parts)
			}
		})
	}
}

// Any client of object stores reads what is stored, also in parts.
func TestASnapshotIsAnObjectLikeAnyOther(t *testing.T) {
	c := testkit.Broker(t)
	j := openOn(t, c, "a")
	want := make([]byte, 3*partSize+17)
	for i := range want {
		want[i] = byte(i * i)
	}
	if err := j.store.put(t.Context(), objectName("a", 1), want); err != nil {
		t.Fatal(err)
	}
	objects, err := c.JS.ObjectStore(t.Context(), broker.SnapshotBucket)
	if err != nil {
		t.Fatal(err)
	}
	names, err := j.store.list(t.Context(), "a.")
	if err != nil || len(names) != 1 {
		t.Fatalf("%v, %v", names, err)
	}
	got, err := objects.GetBytes(t.Context(), names[0]) // compares the digest
	if err != nil || string(got) != string(want) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
	}
	if ours, err := j.store.get(t.Context(), names[0]); err != nil || string(ours) != string(want) {
		t.Fatalf("%d bytes of %d, %v", len(ours), len(want), err)
	}
}
