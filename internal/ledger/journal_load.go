package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Load rebuilds the state: it hands the last valid snapshot, if there is one, to snapshot, and then every
// entry that is not part of it, in order, to entry, whose body is the receiver's. It returns the sequence
// of the last entry, behind which Append goes on; 0 is a new ledger.
//
// It refuses what it can't believe: ErrLost, ErrDamaged, ErrNewerBuild. ErrMoved means that the ledger's
// owner compacted it meanwhile; after it, as after any error, what was handed out is to be forgotten.
func (j *Journal) Load(ctx context.Context, snapshot func(io.Reader) error, entry func(seq uint64, body []byte) error) (uint64, error) {
	l := &loading{j: j, snapshot: snapshot, entry: entry}
	j.forgetForeign()
	err := l.run(ctx)
	j.tellForeign()
	if (errors.Is(err, ErrDamaged) || errors.Is(err, ErrLost)) && l.moved(ctx) {
		err = ErrMoved
	}
	if err != nil {
		return 0, fmt.Errorf("load the ledger of %s: %w", j.destination, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tail, j.loaded, j.entries = l.position, true, l.sizes
	return l.position, nil
}

// loading is one Load under way.
type loading struct {
	j        *Journal
	snapshot func(io.Reader) error
	entry    func(seq uint64, body []byte) error

	last     message  // the last entry when the loading began
	base     *Pointer // of the last pointer entry
	pointer  uint64   // sequence of the last pointer entry
	position uint64   // the last sequence that is part of the state
	sizes    []entrySize
}

func (l *loading) run(ctx context.Context) error {
	last, found, err := l.j.store.last(ctx)
	if err != nil {
		return err
	}
	l.last = last
	// The pointer first: by it a journal that was compacted meanwhile is told from one that was restored (H37).
	if found {
		if err := l.findPointer(ctx); err != nil {
			return err
		}
		found = l.last.seq > 0
	}
	if err := l.checkObjects(ctx, found); err != nil || !found {
		return err
	}
	if l.base != nil {
		if err := l.readSnapshot(ctx); err != nil {
			return err
		}
		l.position = l.base.Covers
	}
	if err := l.j.store.read(ctx, reading{from: l.position + 1}, l.join); err != nil {
		return err
	}
	if l.position < l.last.seq {
		return l.damaged("entries between %d and %d are missing", l.position, l.last.seq)
	}
	return nil
}

// checkObjects compares the snapshots that are there with the journal's end: one without a journal, or
// beyond it, tells that the journal was lost, or restored from an older moment.
func (l *loading) checkObjects(ctx context.Context, found bool) error {
	names, err := l.j.store.list(ctx, objectPrefix(l.j.destination))
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	for _, name := range names {
		covers, ok := objectCovers(l.j.destination, name)
		switch {
		case !ok:
			continue
		case !found:
			return &LostError{Destination: l.j.destination, Detail: fmt.Sprintf("there is a snapshot (%s) and no journal", name)}
		case covers > l.last.seq:
			if now, _, err := l.j.store.last(ctx); err != nil || now.seq >= covers {
				return cmp.Or(err, ErrMoved) // its owner wrote on since the loading began
			}
			return &LostError{
				Destination: l.j.destination,
				Detail:      fmt.Sprintf("snapshot %s lies beyond the journal's last entry, %d", name, l.last.seq),
			}
		}
	}
	return nil
}

// findPointer finds the last pointer entry, and the last entry where the last message is a stranger's. Only headers are read.
func (l *loading) findPointer(ctx context.Context) error {
	var text string
	var end, ours uint64
	err := l.j.store.read(ctx, reading{from: 1, headers: true}, func(m message) error {
		end = m.seq
		if m.foreign {
			l.j.noteForeign(m.seq)
			return nil
		}
		if m.format > Format {
			return newerBuild(l.j.destination, m.seq, m.format)
		}
		if ours = m.seq; m.pointer != "" {
			text, l.pointer = m.pointer, m.seq
		}
		return nil
	})
	if err == nil && l.last.foreign {
		if end < l.last.seq {
			return ErrMoved // its owner removed the message, or a replica of the broker lags
		}
		l.last = message{seq: ours}
	}
	if err != nil || text == "" {
		return err
	}
	l.base = &Pointer{}
	if err := json.Unmarshal([]byte(text), l.base); err != nil || l.base.Covers >= l.pointer || l.base.Object == "" {
		return l.damaged("the pointer entry %d can't be read", l.pointer)
	}
	return nil
}

func (l *loading) readSnapshot(ctx context.Context) error {
	data, err := l.j.fetchSnapshot(ctx, *l.base)
	if errors.Is(err, errNoObject) {
		return &LostError{Destination: l.j.destination, Detail: fmt.Sprintf("snapshot %s, which entry %d names, is gone", l.base.Object, l.pointer)}
	}
	if err != nil {
		return err
	}
	return decompress(data, l.snapshot)
}

// join takes the next entry, which has to name the one before it as its predecessor: a tail without its
// beginning is never believed (H3).
func (l *loading) join(m message) error {
	if m.foreign {
		l.j.noteForeign(m.seq)
		return nil
	}
	if m.previous != l.position {
		return l.damaged("entry %d follows entry %d, but %d was the last before it", m.seq, m.previous, l.position)
	}
	l.position = m.seq
	l.sizes = append(l.sizes, entrySize{seq: m.seq, bytes: len(m.body)})
	if m.pointer != "" {
		return nil
	}
	return l.entry(m.seq, m.body)
}

// moved reports whether somebody compacted the journal since the loading began, so that what looked
// damaged or lost may be nothing but that.
func (l *loading) moved(ctx context.Context) bool {
	if l.last.seq == 0 {
		return false
	}
	newest := uint64(0)
	err := l.j.store.read(ctx, reading{from: 1, headers: true}, func(m message) error {
		if m.pointer != "" {
			newest = m.seq
		}
		return nil
	})
	return err == nil && newest > l.pointer
}

func (l *loading) damaged(format string, args ...any) error {
	return &DamagedError{Destination: l.j.destination, Detail: fmt.Sprintf(format, args...)}
}
