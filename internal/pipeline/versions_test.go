package pipeline

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// versions is where the ledgers of every released form are kept, one folder a form: a journal (entries, each behind
// its length), the snapshot of the state that it folds to, and that state's digest.
const versions = "../ledger/testdata"

// I13: what any release wrote is read for ever, and folds to the state that it folded to then.
func TestTheLedgersOfEveryReleaseFoldAsTheyDidThen(t *testing.T) {
	if os.Getenv("ROLLCALL_UPDATE") != "" {
		writeVersion(t, filepath.Join(versions, "v1"))
	}
	folders, err := os.ReadDir(versions)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			dir := filepath.Join(versions, folder.Name())
			want := strings.TrimSpace(string(read(t, dir, "digest")))
			fromJournal, fromSnapshot := state.NewState(state.Policy{}, []byte("salt")), state.NewState(state.Policy{}, []byte("salt"))
			for rest := read(t, dir, "journal"); len(rest) > 0; {
				n := binary.LittleEndian.Uint32(rest)
				if err := fromJournal.Apply(rest[4 : 4+n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[4+n:]
			}
			if err := fromSnapshot.Read(bytes.NewReader(read(t, dir, "snapshot"))); err != nil {
				t.Fatal(err)
			}
			for from, s := range map[string]*state.State{"journal": fromJournal, "snapshot": fromSnapshot} {
				if got, err := s.Digest(); err != nil || got != want {
					t.Errorf("the state from the %s has digest %s (%v), want %s", from, got, err, want)
				}
			}
		})
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// writeVersion lives through a life of a destination and keeps what it wrote: a form that is not released yet is
// written anew with each change to it.
func writeVersion(t *testing.T, dir string) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.refuse["ada3@example.com"] = true
		o := w.options()
		o.Policy.Cap, o.Policy.Guard.MinRemovals = 4, 1
		d, stop := w.run(o)
		w.crowd("a", 6)
		w.publish("a", "p1", "entered", ada(10))
		w.publish("b", "p2", "entered", `{"email":"ada2@example.com","city":"Paris"}`)
		w.publish("a", "p5", "exited", "")
		w.erase("p4")
		time.Sleep(10 * time.Minute)
		w.refresh("a", w.last+1, 0)
		time.Sleep(10 * time.Minute)
		if err := d.Do(t.Context(), record.Command{Name: "pause", Who: "operator"}); err != nil {
			t.Fatal(err)
		}
		mustStop(t, stop)
		o = w.options()
		o.Binding.Segments = []string{"a", "b", "c"}
		d, stop = w.run(o)
		w.publish("c", "p7", "entered", ada(7))
		time.Sleep(time.Minute)
		if err := d.Do(t.Context(), record.Command{Name: "resume", Who: "operator"}); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); d.Stats().Jobs == 0; { // the state is kept with a batch on its way
			if time.Now().After(deadline) {
				t.Fatal("nothing is on its way")
			}
			time.Sleep(time.Second)
		}
		mustStop(t, stop)

		s := state.NewState(state.Policy{}, []byte("salt"))
		var journal, snapshot bytes.Buffer
		for _, entry := range w.journal {
			journal.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(entry))))
			journal.Write(entry)
			if err := s.Apply(entry); err != nil {
				t.Fatal(err)
			}
		}
		digest, err := s.Digest()
		if err != nil || s.Write(&snapshot) != nil {
			t.Fatal("the state cannot be written: ", err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string][]byte{"journal": journal.Bytes(), "snapshot": snapshot.Bytes(), "digest": []byte(digest + "\n")} {
			if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
}
