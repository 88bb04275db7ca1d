package plan

import "rollcall/internal/contact"

// turn is one contact's place in the line for a slot.
type turn struct {
	place uint64
	h     contact.Handle
}

// line is a binary heap of turns, the lowest sequence first. A turn that no longer holds is passed
// over when it comes up.
type line []turn

func (l turn) before(m turn) bool {
	return l.place < m.place || l.place == m.place && l.h < m.h
}

func (l *line) push(place uint64, h contact.Handle) {
	*l = append(*l, turn{place, h})
	s := *l
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s[i].before(s[up]) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (l *line) pop() turn {
	s := *l
	top := s[0]
	s[0] = s[len(s)-1]
	s = s[:len(s)-1]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(s) && s[child].before(s[least]) {
				least = child
			}
		}
		if least == i {
			break
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
	*l = s
	return top
}
