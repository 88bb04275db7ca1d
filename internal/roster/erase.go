package roster

import (
	"hash"
	"slices"

	"github.com/cespare/xxhash/v2"

	"rollcall/internal/contact"
)

// Erase forgets a profile for ever and leaves a salted tombstone that holds against every event up to
// the sequence. It returns every contact that was ever desired for the profile.
func (r *Roster) Erase(id []byte, sequence uint64, touch Touch) []contact.Handle {
	sequence = r.order(sequence)
	key := r.tomb(id)
	r.tombstones[key] = max(r.tombstones[key], sequence)
	var row profile
	if !r.lookUp(id, &row) {
		return nil
	}
	if slices.ContainsFunc(row.members, func(m member) bool { return m.sequence > sequence }) {
		return nil // a newer entered: a new person under the same id
	}
	held := row.holds
	if held != 0 {
		r.unlink(&row)
		r.remember(&row, held)
		r.store(&row) // the contact's crowd believes the record
		r.source(held)
	}
	var addresses []contact.Handle
	for _, c := range row.past {
		addresses = append(addresses, contact.Handle(c))
	}
	r.forget(&row)
	if held != 0 {
		touch(contact.Handle(held), Cause{})
	}
	return addresses
}

func (r *Roster) erased(id []byte, sequence uint64) bool {
	return len(r.tombstones) > 0 && sequence <= r.tombstones[r.tomb(id)]
}

func (r *Roster) tomb(id []byte) uint64 {
	var h hash.Hash64 = xxhash.New()
	_, _ = h.Write(r.salt)
	_, _ = h.Write(id)
	return h.Sum64()
}

// forget frees a profile that holds no contact.
func (r *Roster) forget(row *profile) {
	for i := range row.members {
		r.name(&row.members[i], 0)
	}
	for _, c := range row.past {
		r.refer(c, -1)
	}
	r.byID.Remove(row.key, row.number, r.keyOf)
	r.profiles.Free(row.number)
}

// longGone reports whether the profile has been in no segment, and had no event, since before the unix second.
func (row *profile) longGone(before int64) bool {
	return row.departed != 0 && int64(row.departed) < before && row.holds == 0
}

// LongGone reports whether some profile has been in no segment, and had no event, since before the unix second.
func (r *Roster) LongGone(before int64) bool {
	var row profile
	for p := uint32(1); p < r.profiles.Len(); p++ {
		if r.open(p, &row) && row.longGone(before) {
			return true
		}
	}
	return false
}

// Forget lets go of the profiles that have been in no segment, and had no event, since before the unix second.
func (r *Roster) Forget(before int64) int {
	n := 0
	var row profile
	for p := uint32(1); p < r.profiles.Len(); p++ {
		if r.open(p, &row) && row.longGone(before) {
			r.forget(&row)
			n++
		}
	}
	return n
}

// Idle reports whether nothing names the contact any more: where SendGrid has nothing of it either,
// its row can be released.
func (r *Roster) Idle(h contact.Handle) bool {
	one, ok := r.row(uint32(h))
	return ok && one.refs == 0 && one.head == 0
}

// Release frees an idle contact's row and overwrites its e-mail.
func (r *Roster) Release(h contact.Handle) {
	c := uint32(h)
	one, _ := r.row(c)
	r.byEmail.Remove(r.emailKeyOf(c), c, r.emailKeyOf)
	r.domains.drop(one.domain)
	r.contacts.Free(c)
}
