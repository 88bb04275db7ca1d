package fakeledger

import (
	"errors"

	"rollcall/internal/ledger"
)

func (s *suite) strays() {
	s.Stray()
	l := s.load()
	if l.Tail() != 0 {
		s.Fatalf("a ledger without entries ends at %d", l.Tail())
	}
	s.add(l, "one")
	s.Stray()
	s.holds("", "one")
	s.add(l, "two")
	p := s.store(l, "state two")
	s.Stray()
	if _, err := l.CommitPointer(s.Context(), p); err != nil {
		s.Fatal(err)
	}
	s.Stray()
	if err := l.PurgeTo(s.Context(), p); err != nil {
		s.Fatal(err)
	}
	s.add(l, "three")
	s.Stray()
	s.holds("state two", "three")
}

// I2: what is no entry makes no owner of anybody, and hides none.
func (s *suite) fenceAmongStrays() {
	old := s.load()
	s.add(old, "old")
	s.Stray()
	young := s.load()
	s.add(young, "young")
	s.Stray()
	if _, err := old.Append(s.Context(), []byte("late")); !errors.Is(err, ledger.ErrFenced) {
		s.Errorf("an overtaken writer got %v", err)
	}
	s.add(young, "goes on")
	s.holds("", "old", "young", "goes on")
}
