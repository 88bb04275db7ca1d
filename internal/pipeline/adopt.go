package pipeline

import (
	"fmt"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger"
)

// Findings is how a look at the whole list found contacts, by normalised e-mail.
type Findings struct {
	Listed   [][]byte // on the list; their fields are not what was confirmed, or not known
	Unlisted [][]byte // not on the list
	Adopt    bool     // Listed ones that Rollcall never put there become its own
}

// Findings turns findings into the record that applies them, and tells how many were passed over: on their
// way, or strangers that are not to be adopted. Adopting more than the cap leaves room for is refused: a
// listed contact is never pushed out by the cap (I5).
func (s *State) Findings(f Findings) (*ledger.Stand, int, error) {
	r, skipped, more := &ledger.Stand{At: time.Now().UnixNano()}, 0, 0
	for _, e := range f.Listed {
		h := s.roster.Find(e)
		switch {
		case h != 0 && s.flight.Of(h) != nil:
			skipped++
		case h != 0 && (s.book.At(h).Listed() || s.book.At(h).LastAdd() != 0 && !f.Adopt):
			r.Listed = append(r.Listed, h)
			more += unlisted(s, h)
		case f.Adopt:
			r.Adopted = append(r.Adopted, e)
			more++
		default:
			skipped++
		}
	}
	for _, e := range f.Unlisted {
		h := s.roster.Find(e)
		if h == 0 || s.flight.Of(h) != nil || !s.book.At(h).Listed() {
			skipped++
			continue
		}
		r.Unlisted = append(r.Unlisted, h)
	}
	if free := s.book.Free(s.policy.Cap); more > free {
		return r, skipped, fmt.Errorf("%d contacts more would be listed, and %d slots are free of the cap of %d: raise profile_cap, or take members off the list at SendGrid first", more, free, s.policy.Cap)
	}
	return r, skipped, nil
}

func unlisted(s *State, h contact.Handle) int {
	if s.book.At(h).Listed() {
		return 0
	}
	return 1
}
