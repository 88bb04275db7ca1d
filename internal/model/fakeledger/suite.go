package fakeledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"rollcall/internal/ledger"
)

// Ledgered is a journal with its snapshots, as the pipeline uses it.
type Ledgered interface {
	Load(ctx context.Context, snapshot func(io.Reader) error, entry func(uint64, []byte) error) (uint64, error)
	Append(ctx context.Context, body []byte) (uint64, error)
	Tail() uint64
	StoreSnapshot(ctx context.Context, covers uint64, write func(io.Writer) error) (ledger.Pointer, error)
	CommitPointer(ctx context.Context, p ledger.Pointer) (uint64, error)
	PurgeTo(ctx context.Context, p ledger.Pointer) error
}

// Fresh is an empty ledger: how a replica opens it, and how somebody puts a message on its subject that is no entry.
type Fresh struct {
	Open  func() Ledgered
	Stray func()
}

// Suite is what every ledger has to pass.
func Suite(t *testing.T, fresh func(t *testing.T) Fresh) {
	for name, test := range map[string]func(*suite){
		"what was appended is loaded in order":           (*suite).order,
		"an overtaken writer is fenced until it loads":   (*suite).fence,
		"nothing is appended before a load":              (*suite).unloaded,
		"a snapshot without its pointer is no snapshot":  (*suite).unpointed,
		"a pointed snapshot replaces the beginning":      (*suite).pointed,
		"a purge leaves the pointer and what is behind":  (*suite).purged,
		"an overtaken writer's pointer is fenced":        (*suite).latePointer,
		"an entry that is too large changes nothing":     (*suite).large,
		"a pointer beyond the end or uncommitted is not": (*suite).beyond,
		"what is no entry is passed over":                (*suite).strays,
		"a claim among what is no entry is a fence":      (*suite).fenceAmongStrays,
	} {
		t.Run(name, func(t *testing.T) { test(&suite{T: t, Fresh: fresh(t)}) })
	}
}

type suite struct {
	*testing.T
	Fresh
}

// loaded is a journal with what its load handed out.
type loaded struct {
	Ledgered
	snapshot string
	entries  []string
}

func (s *suite) load() *loaded {
	s.Helper()
	l := &loaded{Ledgered: s.Open()}
	s.reload(l)
	return l
}

func (s *suite) reload(l *loaded) {
	s.Helper()
	l.snapshot, l.entries = "", nil
	tail, err := l.Load(s.Context(), func(r io.Reader) error {
		text, err := io.ReadAll(r)
		l.snapshot = string(text)
		return err
	}, func(_ uint64, body []byte) error {
		l.entries = append(l.entries, string(body))
		return nil
	})
	if err != nil || tail != l.Tail() {
		s.Fatalf("load: tail %d, %d by Tail, %v", tail, l.Tail(), err)
	}
}

func (s *suite) add(l *loaded, bodies ...string) {
	s.Helper()
	for _, body := range bodies {
		before := l.Tail()
		seq, err := l.Append(s.Context(), []byte(body))
		if err != nil || seq <= before || seq != l.Tail() {
			s.Fatalf("append %q behind %d: %d, %v", body, before, seq, err)
		}
	}
}

func (s *suite) store(l *loaded, text string) ledger.Pointer {
	s.Helper()
	p, err := l.StoreSnapshot(s.Context(), l.Tail(), func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return p
}

func (s *suite) holds(snapshot string, entries ...string) {
	s.Helper()
	got := s.load()
	if got.snapshot != snapshot || !slices.Equal(got.entries, entries) {
		s.Errorf("the ledger holds snapshot %q and %q, want %q and %q", got.snapshot, got.entries, snapshot, entries)
	}
}

func (s *suite) order() {
	l := s.load()
	if l.Tail() != 0 || len(l.entries) != 0 || l.snapshot != "" {
		s.Fatalf("a new ledger holds %+v", l)
	}
	s.add(l, "one", "two", "three")
	s.holds("", "one", "two", "three")
}

// I2: of two owners one fails, and goes on failing until it has loaded what the other wrote.
func (s *suite) fence() {
	old := s.load()
	s.add(old, "old")
	young := s.load()
	s.add(young, "young")
	if _, err := old.Append(s.Context(), []byte("late")); !errors.Is(err, ledger.ErrFenced) {
		s.Fatalf("an overtaken writer got %v", err)
	}
	if _, err := old.Append(s.Context(), []byte("again")); !errors.Is(err, ledger.ErrNotLoaded) {
		s.Errorf("it could try again without loading: %v", err)
	}
	s.holds("", "old", "young")
	s.reload(old)
	s.add(old, "back")
	s.holds("", "old", "young", "back")
}

func (s *suite) unloaded() {
	if _, err := s.Open().Append(s.Context(), []byte("x")); !errors.Is(err, ledger.ErrNotLoaded) {
		s.Errorf("it said %v", err)
	}
	s.holds("")
}

// H3: an object alone says nothing.
func (s *suite) unpointed() {
	l := s.load()
	s.add(l, "one")
	s.store(l, "state one")
	s.add(l, "two")
	s.holds("", "one", "two")
}

func (s *suite) pointed() {
	l := s.load()
	s.add(l, "one")
	p := s.store(l, "state one")
	s.add(l, "two")
	if _, err := l.CommitPointer(s.Context(), p); err != nil {
		s.Fatal(err)
	}
	s.add(l, "three")
	s.holds("state one", "two", "three")
}

func (s *suite) purged() {
	l := s.load()
	for round := range 3 {
		s.add(l, fmt.Sprint("before ", round))
		p := s.store(l, fmt.Sprint("state ", round))
		if _, err := l.CommitPointer(s.Context(), p); err != nil {
			s.Fatal(err)
		}
		if err := l.PurgeTo(s.Context(), p); err != nil {
			s.Fatal(err)
		}
		s.holds(fmt.Sprint("state ", round))
		s.add(l, fmt.Sprint("after ", round))
	}
	s.holds("state 2", "after 2")
}

// H3: a replica that was left behind cannot make its older snapshot the valid one.
func (s *suite) latePointer() {
	old := s.load()
	s.add(old, "old")
	p := s.store(old, "state of the old")
	young := s.load()
	s.add(young, "young")
	if _, err := old.CommitPointer(s.Context(), p); !errors.Is(err, ledger.ErrFenced) {
		s.Errorf("an overtaken writer's pointer: %v", err)
	}
	s.holds("", "old", "young")
}

func (s *suite) large() {
	l := s.load()
	var large *ledger.TooLargeError
	if _, err := l.Append(s.Context(), bytes.Repeat([]byte{1}, ledger.MaxEntry+1)); !errors.As(err, &large) {
		s.Fatalf("it said %v", err)
	}
	s.add(l, "one")
	s.holds("", "one")
}

func (s *suite) beyond() {
	l := s.load()
	s.add(l, "one")
	p := s.store(l, "state")
	if err := l.PurgeTo(s.Context(), p); err == nil {
		s.Error("a purge to a pointer that is not committed was done")
	}
	p.Covers = l.Tail() + 1
	if _, err := l.CommitPointer(s.Context(), p); err == nil {
		s.Error("a pointer beyond the end was committed")
	}
	s.holds("", "one")
}
