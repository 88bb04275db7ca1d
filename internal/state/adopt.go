package state

import (
	"fmt"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
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
func (s *State) Findings(f Findings, now time.Time) (*record.Stand, int, error) {
	r, skipped, more := &record.Stand{At: now.UnixNano()}, 0, 0
	for _, e := range f.Listed {
		h := s.Roster.Find(e)
		switch {
		case h != 0 && s.Flight.Of(h) != nil:
			skipped++
		case h != 0 && (s.Book.At(h).Listed() || s.Book.At(h).LastAdd() != 0 && !f.Adopt):
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
		h := s.Roster.Find(e)
		if h == 0 || s.Flight.Of(h) != nil || !s.Book.At(h).Listed() {
			skipped++
			continue
		}
		r.Unlisted = append(r.Unlisted, h)
	}
	if free := s.Book.Free(s.Policy.Cap); more > free {
		return r, skipped, fmt.Errorf("%d contacts more would be listed, and %d slots are free of the cap of %d: raise profile_cap, or take members off the list at SendGrid first", more, free, s.Policy.Cap)
	}
	return r, skipped, nil
}

func unlisted(s *State, h contact.Handle) int {
	if s.Book.At(h).Listed() {
		return 0
	}
	return 1
}
