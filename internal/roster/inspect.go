package roster

import (
	"slices"

	"rollcall/internal/contact"
)

// The readers of this file are for people who ask about one profile or contact: they copy what they give.

// Person is one profile as the fold knows it.
type Person struct {
	ID          string
	Memberships []Membership
	Holds       contact.Handle   // the contact that it keeps desired; zero is none
	Past        []contact.Handle // that it held before
	Departed    int64            // unix seconds since when it is in no segment and had no event; zero while it is in one
}

// Membership is the latest event of one profile in one segment.
type Membership struct {
	Segment  string
	In       bool   // and the segment is selected
	Carries  bool   // the event had attributes
	Sequence uint64 // of the event, or of the refresh that swept it
	Names    contact.Handle
}

// Person returns the profile of an id.
func (r *Roster) Person(id []byte) (Person, bool) {
	var row profile
	if !r.lookUp(id, &row) {
		return Person{}, false
	}
	return r.person(&row), true
}

// Holders returns the profiles that keep the contact desired, the one that supplies its fields first.
func (r *Roster) Holders(h contact.Handle) []Person {
	var all []Person
	c, _ := r.row(uint32(h))
	var row profile
	for p := c.head; p != 0; p = row.next {
		r.open(p, &row)
		if p == c.source {
			all = append([]Person{r.person(&row)}, all...)
			continue
		}
		all = append(all, r.person(&row))
	}
	return all
}

// Naming returns the profiles that do not hold the contact and name it in a membership or held it before,
// most of them at most. It looks at every profile.
func (r *Roster) Naming(h contact.Handle, most int) []Person {
	var all []Person
	var row profile
	for p := uint32(1); p < r.profiles.Len() && len(all) < most; p++ {
		if r.open(p, &row) && row.holds != uint32(h) && row.names(uint32(h)) {
			all = append(all, r.person(&row))
		}
	}
	return all
}

func (row *profile) names(c uint32) bool {
	return slices.Contains(row.past, c) || slices.ContainsFunc(row.members, func(m member) bool { return m.contact == c })
}

func (r *Roster) person(row *profile) Person {
	one := Person{ID: string(unpackID(nil, row.key, row.uuid)), Holds: contact.Handle(row.holds), Departed: int64(row.departed)}
	for i := range row.members {
		m := &row.members[i]
		one.Memberships = append(one.Memberships, Membership{
			Segment: r.SegmentName(m.segment), In: r.in(m), Carries: m.flags&memberCarries != 0,
			Sequence: r.sequenceOf(m.sequence), Names: contact.Handle(m.contact),
		})
	}
	for _, c := range row.past {
		one.Past = append(one.Past, contact.Handle(c))
	}
	return one
}

// Latest returns the sequence, in the present stream, of what decides a profile's membership: its latest event, the
// refresh that swept it, or the erasure of the profile. Zero is none, or an event of a stream before.
func (r *Roster) Latest(id []byte, seg uint16) uint64 {
	latest := r.Tombstone(id)
	var row profile
	r.lookUp(id, &row)
	for i := range row.members {
		if m := &row.members[i]; m.segment == seg {
			latest = max(latest, r.sequenceOf(m.sequence))
		}
	}
	return latest
}

// Tombstone returns the sequence up to which the profile was erased; zero is never.
func (r *Roster) Tombstone(id []byte) uint64 {
	if len(r.tombstones) == 0 {
		return 0
	}
	return r.sequenceOf(r.tombstones[r.tomb(id)])
}
