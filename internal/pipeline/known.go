package pipeline

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"rollcall/internal/contact"
)

// known is what look-ups told of contacts while this process runs: their ids, and when they were seen. It is
// no state: without it contacts are looked up again, so that it keeps no more than mostKnown (I11).
type known struct {
	rows  map[contact.Handle]sighting
	rests map[contact.Handle]rested
}

// mostKnown is more than the contacts of all requests under way, and some 10 MB.
const mostKnown = 100_000

// sighting is what the last look-up that showed a contact told. Handles are used again for others, so that
// it holds for one e-mail alone.
type sighting struct {
	email  uint64 // hash
	id     string
	onList int64 // when the look-up began that saw it on our list, unix nanoseconds; zero is never
	there  int64 // the same, in the account
}

// rested is a contact that removals left on the list.
type rested struct {
	tries int
	until time.Time // no removal of it before
}

func newKnown() *known {
	return &known{rows: map[contact.Handle]sighting{}, rests: map[contact.Handle]rested{}}
}

// saw notes what a look-up that began at a time showed.
func (k *known) saw(h contact.Handle, email []byte, id string, onList bool, began time.Time) {
	row := sighting{email: xxhash.Sum64(email), id: id, there: began.UnixNano()}
	if old := k.rows[h]; old.email == row.email {
		row.onList = old.onList
	}
	if onList {
		row.onList = row.there
	}
	k.rows[h] = row
	if len(k.rows) > mostKnown {
		for other := range k.rows { // whichever comes first
			if other != h {
				delete(k.rows, other)
				return
			}
		}
	}
}

func (k *known) row(h contact.Handle, email []byte) (sighting, bool) {
	row, ok := k.rows[h]
	return row, ok && row.email == xxhash.Sum64(email)
}

// id returns the contact's id where nothing speaks against using it again: it was seen where the operation
// takes it from since the last time that we added it, or that add is long over.
func (k *known) id(op contact.Operation, h contact.Handle, email []byte, added int64, over bool) (string, bool) {
	row, ok := k.row(h, email)
	if !ok || !over && !row.since(op, added) {
		return "", false
	}
	return row.id, true
}

// since reports whether a look-up that began after an add, in unix seconds, has seen the contact where the
// operation takes it from.
func (s sighting) since(op contact.Operation, added int64) bool {
	at := s.onList
	if op == contact.Delete {
		at = s.there
	}
	return at >= (added+1)*int64(time.Second)
}

// seenSince is the same for a contact.
func (k *known) seenSince(op contact.Operation, h contact.Handle, email []byte, added int64) bool {
	row, ok := k.row(h, email)
	return ok && row.since(op, added)
}

// forget drops ids that SendGrid says are none.
func (k *known) forget(handles []contact.Handle) {
	for _, h := range handles {
		delete(k.rows, h)
	}
}

// left notes that a removal of the contact had no effect: the next one waits longer.
func (k *known) left(h contact.Handle, now time.Time, unit time.Duration) {
	r := k.rests[h]
	r.until = now.Add(unit << min(r.tries, 6))
	r.tries++
	k.rests[h] = r
}

// gone ends what was noted of failed removals.
func (k *known) gone(h contact.Handle) { delete(k.rests, h) }

// resting reports whether the contact's next removal has to wait.
func (k *known) resting(h contact.Handle, now time.Time) bool {
	r, ok := k.rests[h]
	return ok && now.Before(r.until)
}
