package roster

import (
	"fmt"
	"testing"

	"rollcall/internal/contact"
)

// sharing is a roster with profiles that share one address, and the sequence of the next event.
type sharing struct {
	*Roster
	next uint64
}

func newSharing() *sharing {
	s := &sharing{Roster: New(nil), next: 1}
	s.Select([]string{"a", "b"})
	return s
}

func (s *sharing) fold(profile int, seg uint16, entered bool) {
	in := Row{Sequence: s.next, Segment: seg, Entered: entered, Carries: entered, Profile: fmt.Appendf(nil, "p%d", profile), Hash: s.next}
	if entered {
		in.Email = []byte("shared@example.com")
	}
	s.Fold(in, func(contact.Handle, Cause) {})
	s.next++
}

// The work that an address of many profiles costs grows with the profiles, not with their square: holders that are
// looked at to find whose fields the contact has are counted.
func TestAnAddressOfManyProfilesCostsLinearWork(t *testing.T) {
	for name, history := range map[string]func(s *sharing, n int){
		"all enter": func(s *sharing, n int) {},
		"the newest leave first": func(s *sharing, n int) {
			for p := n; p > 0; p-- {
				s.fold(p, 0, false)
			}
		},
		"the oldest leave first": func(s *sharing, n int) {
			for p := 1; p <= n; p++ {
				s.fold(p, 0, false)
			}
		},
		"all enter another segment, and leave it, newest first": func(s *sharing, n int) {
			for p := 1; p <= n; p++ {
				s.fold(p, 1, true)
			}
			for p := n; p > 0; p-- {
				s.fold(p, 1, false)
			}
		},
		"two change again and again": func(s *sharing, n int) {
			for range n {
				s.fold(1, 0, true)
				s.fold(2, 0, true)
			}
		},
		"all are erased, newest first": func(s *sharing, n int) {
			for p := n; p > 0; p-- {
				s.Erase(fmt.Appendf(nil, "p%d", p), s.next, func(contact.Handle, Cause) {})
				s.next++
			}
		},
		"a segment is taken away": func(s *sharing, n int) {
			for p := 1; p <= n; p++ {
				s.fold(p, 1, true)
			}
			_, gone := s.Select([]string{"a"})
			s.Drop(gone[0], s.next, func(contact.Handle, Cause) {})
		},
		"it is loaded, and all enter again": func(s *sharing, n int) {
			body := s.Append(nil)
			walked := s.walked
			s.Roster = New(nil)
			if err := s.Load(body); err != nil {
				panic(err)
			}
			s.walked += walked
			for p := 1; p <= n; p++ {
				s.fold(p, 0, true)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			work := func(n int) int {
				s := newSharing()
				for p := 1; p <= n; p++ {
					s.fold(p, 0, true)
				}
				history(s, n)
				return int(s.walked)
			}
			const n = 1000
			once, twice := work(n), work(2*n)
			if once > 20*n || twice > 3*once {
				t.Errorf("%d holders are looked at for %d profiles, %d for twice as many", once, n, twice)
			}
		})
	}
}
