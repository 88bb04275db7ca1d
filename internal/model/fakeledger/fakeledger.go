// Package fakeledger is a ledger in memory that behaves as the broker's does: entries behind one another,
// a fence, snapshots that a pointer entry makes valid. Suite is what both have to pass. It keeps nothing
// when the process ends, and does not try again: its answers are never lost unless a hook loses them.
package fakeledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"rollcall/internal/ledger"
)

// Ledger is what the broker would hold of one destination.
type Ledger struct {
	mu      sync.Mutex
	entries []entry
	last    uint64 // entry

	sequence uint64 // of the last message
	objects  map[string][]byte
}

type entry struct {
	seq     uint64
	body    []byte
	pointer *ledger.Pointer
	foreign bool // somebody's message that is no entry
}

// New returns an empty ledger.
func New() *Ledger { return &Ledger{objects: map[string][]byte{}} }

// Open returns a journal on the ledger, as another replica would open one.
func (l *Ledger) Open() *Journal { return &Journal{ledger: l} }

// Stray puts a message on the ledger's subject that is no entry, as somebody could who may publish there. Nobody believes it,
// and the owner removes it with its next entry.
func (l *Ledger) Stray() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sequence++
	l.entries = append(l.entries, entry{seq: l.sequence, foreign: true})
}

// Strays is how many such messages are there.
func (l *Ledger) Strays() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(l.entries), func(e entry) bool { return !e.foreign }))
}

// Objects is how many snapshots are stored.
func (l *Ledger) Objects() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.objects)
}

// Journal is one replica's view of a ledger.
type Journal struct {
	ledger *Ledger
	tail   uint64
	loaded bool
}

// Tail is the sequence of the last entry that was loaded or appended.
func (j *Journal) Tail() uint64 {
	j.ledger.mu.Lock()
	defer j.ledger.mu.Unlock()
	return j.tail
}

// Load hands out the last snapshot that a pointer names, and every entry behind it.
func (j *Journal) Load(_ context.Context, snapshot func(io.Reader) error, each func(uint64, []byte) error) (uint64, error) {
	l := j.ledger
	l.mu.Lock()
	entries, last := slices.Clone(l.entries), l.last
	var base *ledger.Pointer
	for _, e := range entries {
		if e.pointer != nil {
			base = e.pointer
		}
	}
	var data []byte
	if base != nil {
		var ok bool
		if data, ok = l.objects[base.Object]; !ok {
			l.mu.Unlock()
			return 0, &ledger.LostError{Detail: "snapshot " + base.Object + " is gone"}
		}
	}
	l.mu.Unlock()
	covers := uint64(0)
	if base != nil {
		covers = base.Covers
		if err := snapshot(bytes.NewReader(data)); err != nil {
			return 0, err
		}
	}
	for _, e := range entries {
		if e.seq <= covers || e.pointer != nil || e.foreign {
			continue
		}
		if err := each(e.seq, slices.Clone(e.body)); err != nil {
			return 0, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	j.tail, j.loaded = last, true
	return last, nil
}

// Append commits an entry behind the one that was loaded or written last.
func (j *Journal) Append(_ context.Context, body []byte) (uint64, error) {
	if len(body) > ledger.MaxEntry {
		return 0, &ledger.TooLargeError{Bytes: len(body)}
	}
	return j.append(entry{body: slices.Clone(body)})
}

func (j *Journal) append(e entry) (uint64, error) {
	l := j.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if !j.loaded {
		return 0, ledger.ErrNotLoaded
	}
	if j.tail != l.last {
		j.loaded = false
		return 0, ledger.ErrFenced
	}
	l.sequence++
	e.seq, l.last = l.sequence, l.sequence
	l.entries = append(slices.DeleteFunc(l.entries, func(e entry) bool { return e.foreign }), e)
	j.tail = l.last
	return l.last, nil
}

// StoreSnapshot stores an object that has no effect until CommitPointer.
func (j *Journal) StoreSnapshot(_ context.Context, covers uint64, write func(io.Writer) error) (ledger.Pointer, error) {
	var body bytes.Buffer
	if err := write(&body); err != nil {
		return ledger.Pointer{}, err
	}
	l := j.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	p := ledger.Pointer{Object: fmt.Sprintf("%d.%d", covers, len(l.objects)), Covers: covers, Size: body.Len()}
	for l.objects[p.Object] != nil {
		p.Object += "x"
	}
	l.objects[p.Object] = body.Bytes()
	return p, nil
}

// CommitPointer makes a stored snapshot valid.
func (j *Journal) CommitPointer(_ context.Context, p ledger.Pointer) (uint64, error) {
	if p.Covers == 0 || p.Covers > j.Tail() {
		return 0, errors.New("the snapshot covers what is not there")
	}
	return j.append(entry{pointer: &p})
}

// PurgeTo removes what a committed pointer replaces, never the pointer nor the last entry.
func (j *Journal) PurgeTo(_ context.Context, p ledger.Pointer) error {
	if p.Covers >= j.Tail() {
		return errors.New("the pointer is not committed")
	}
	l := j.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return e.seq <= p.Covers })
	for name := range l.objects {
		var covers uint64
		if _, err := fmt.Sscanf(name, "%d.", &covers); err == nil && covers <= p.Covers && name != p.Object {
			delete(l.objects, name)
		}
	}
	return nil
}
