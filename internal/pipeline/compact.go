package pipeline

import (
	"bytes"
	"context"
	"io"
	"maps"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ledger"
	"rollcall/internal/state"
)

// snapshotEvery is how many bytes the journal grows before the state is written as a snapshot; a large
// state lets it grow to half of its own size.
const snapshotEvery = 64 << 20

// compact replaces the journal by a snapshot after an entry, when it has grown enough.
func (l *loop) compact(covers uint64) {
	if !l.storing && !l.stopping && l.opts.Compactor != nil && l.journal >= l.compactAt() {
		l.store(covers)
	}
}

// store writes a snapshot of the state after an entry. The state is encoded by the loop, which owns it, and
// stored beside it; the pointer is committed like any entry.
func (l *loop) store(covers uint64) {
	l.storing = true
	var body bytes.Buffer
	body.Grow(int(l.state.Roster.Contacts()) * 2 * state.PartBytes)
	l.journal = 0 // a snapshot that fails is tried again when as much more was written, not at each entry
	if err := l.state.Write(&body); err != nil {
		l.notStored(err)
		return
	}
	l.snapshot = int64(body.Len())
	l.task(func(ctx context.Context) func() {
		l.opts.at(AtSnapshot)
		p, err := l.opts.Compactor.StoreSnapshot(ctx, covers, func(w io.Writer) error {
			_, err := w.Write(body.Bytes())
			return err
		})
		l.opts.at(AtSnapshotted)
		return func() {
			if err != nil {
				l.notStored(err)
				return
			}
			l.storing = false
			l.pointer = &p
		}
	})
}

// notStored lets a snapshot that could not be encoded or stored be tried again, and the erasures that wait for it.
func (l *loop) notStored(err error) {
	l.storing = false
	l.log.Warn("a snapshot cannot be stored: the journal goes on growing; it is tried again", zap.Error(err))
	if l.proof.shredAt {
		l.proof.shredAt = false
		l.shredded(err)
	}
}

// compactAt is how many bytes of journal make a snapshot worth its while.
func (l *loop) compactAt() int64 {
	if l.opts.SnapshotEvery > 0 {
		return l.opts.SnapshotEvery
	}
	return max(snapshotEvery, l.snapshot/2)
}

// purge drops the journal that a committed pointer's snapshot covers; after an erasure it is overwritten.
func (l *loop) purge(p ledger.Pointer) {
	shred := l.proof.shredAt
	l.proof.shredAt = false
	l.task(func(ctx context.Context) func() {
		drop := l.opts.Compactor.PurgeTo
		if shred {
			drop = l.opts.Compactor.ShredTo
		}
		err := drop(ctx, p)
		if err != nil && ctx.Err() == nil {
			l.log.Warn("the journal below a snapshot cannot be purged yet", zap.Error(err))
		}
		l.opts.at(AtPurged)
		if !shred {
			return nil
		}
		l.opts.at(AtShredded)
		return func() { l.shredded(err) }
	})
}

// publishSometimes makes the numbers that readers see at most a tenth of a second old.
func (l *loop) publishSometimes() {
	now := time.Now()
	l.turned.Store(now.UnixNano())
	if now.Sub(l.tick) < 100*time.Millisecond {
		return
	}
	l.tick = now
	l.tellFullness()
	if now.Sub(l.aged) >= time.Second {
		l.aged, l.oldest = now, l.state.OldestUnapplied()
	}
	l.publish()
}

func (l *loop) publish() {
	st := l.state.Stats()
	st.Pending, st.Oldest, st.CatchingUp = l.pending, l.oldest, l.catchUp.on
	l.tellHealth(&st)
	st.Letters = make(map[string]uint64, len(l.counts.letters))
	maps.Copy(st.Letters, l.counts.letters)
	l.stats.Store(&st)
}
