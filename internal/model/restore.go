package model

import (
	"bytes"
	"context"
	"io"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// doBackup keeps the state that is committed now, as `consumer ledger backup` writes it.
func doBackup(w *world, _ Op) error {
	v := w.watch
	v.mu.Lock()
	defer v.mu.Unlock()
	var b bytes.Buffer
	err := v.shadow.Write(&b)
	w.backup = b.Bytes()
	return err
}

// doRestore makes the backup the destination's state again, as `consumer ledger restore` does: a note, and a snapshot
// behind what the ledger holds. No replica runs then: those that do are killed before.
func doRestore(w *world, _ Op) error {
	for _, p := range w.replicas {
		p.die()
		<-p.done
	}
	if len(w.backup) == 0 {
		return nil
	}
	journal := w.ledger.Open()
	ctx := context.Background()
	if _, err := journal.Load(ctx, func(io.Reader) error { return nil }, func(uint64, []byte) error { return nil }); err != nil {
		return err
	}
	note := record.AppendRecord(record.NewEntry(nil), &record.Command{Name: "restore", At: time.Now().UnixNano()})
	covers, err := journal.Append(ctx, note)
	if err != nil {
		return err
	}
	state := state.NewState(policy(w.config, 0), []byte("another installation's")) // the disks were lost (H35)
	if err := state.Read(bytes.NewReader(w.backup)); err != nil {
		return err
	}
	if err := state.Apply(note); err != nil {
		return err
	}
	p, err := journal.StoreSnapshot(ctx, covers, state.Write)
	if err != nil {
		return err
	}
	if _, err := journal.CommitPointer(ctx, p); err != nil {
		return err
	}
	w.watch.restored(state, covers)
	return journal.PurgeTo(ctx, p)
}

// restored goes on from a restored state. What is on the list and unknown to it is a foreign member from now on, so
// that neither the cap nor the list's content can be held against what is truly there.
func (v *watch) restored(state *state.State, covers uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shadow, v.covers, v.cursor = state, covers, state.Stats().Cursor
	v.limited, v.foreign = false, map[string]bool{}
	clear(v.hushes)
	clear(v.undone)
	for _, e := range addresses {
		v.foreign[e] = !state.Look([]byte(e)).Listed
	}
}
