package roster

import "rollcall/internal/contact"

// The readers of this file are for people who ask about one profile or contact: they copy what they give.

// Person is one profile as the fold knows it.
type Person struct {
	ID          string
	Memberships []Membership
	Holds       contact.Handle   // the contact that it keeps desired; zero is none
	Past        []contact.Handle // that it held before
	Departed    int64            // unix seconds since when it is in no segment; zero while it is in one
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
	p := r.byID.Find(id, r.idOf)
	if p == 0 {
		return Person{}, false
	}
	return r.person(p), true
}

// Holders returns the profiles that keep the contact desired, the one that supplies its fields first.
func (r *Roster) Holders(h contact.Handle) []Person {
	var all []Person
	source := r.contacts.At(uint32(h)).source
	for p := r.contacts.At(uint32(h)).head; p != 0; p = r.profiles.At(p).next {
		if p == source {
			all = append([]Person{r.person(p)}, all...)
			continue
		}
		all = append(all, r.person(p))
	}
	return all
}

// Naming returns the profiles that do not hold the contact and name it in a membership or held it before,
// most of them at most. It looks at every profile.
func (r *Roster) Naming(h contact.Handle, most int) []Person {
	var all []Person
	for p := uint32(1); p < r.profiles.Len() && len(all) < most; p++ {
		row := r.profiles.At(p)
		if row.id == 0 || row.holds == uint32(h) {
			continue
		}
		if r.names(row, uint32(h)) {
			all = append(all, r.person(p))
		}
	}
	return all
}

func (r *Roster) names(row *profile, c uint32) bool {
	for i := row.members; i != 0; i = r.members.At(i).next {
		if r.members.At(i).contact == c {
			return true
		}
	}
	for i := row.past; i != 0; i = r.past.At(i).next {
		if r.past.At(i).contact == c {
			return true
		}
	}
	return false
}

func (r *Roster) person(p uint32) Person {
	row := r.profiles.At(p)
	one := Person{ID: string(r.idOf(p)), Holds: contact.Handle(row.holds), Departed: int64(row.departed)}
	for i := row.members; i != 0; i = r.members.At(i).next {
		m := r.members.At(i)
		one.Memberships = append(one.Memberships, Membership{
			Segment: r.SegmentName(m.segment), In: r.in(m), Carries: m.flags&memberCarries != 0,
			Sequence: r.sequenceOf(m.sequence), Names: contact.Handle(m.contact),
		})
	}
	for i := row.past; i != 0; i = r.past.At(i).next {
		one.Past = append(one.Past, contact.Handle(r.past.At(i).contact))
	}
	return one
}

// Latest returns the sequence, in the present stream, of what decides a profile's membership: its latest event, the
// refresh that swept it, or the erasure of the profile. Zero is none, or an event of a stream before.
func (r *Roster) Latest(id []byte, seg uint16) uint64 {
	latest := r.Tombstone(id)
	p := r.byID.Find(id, r.idOf)
	if p == 0 {
		return latest
	}
	for i := r.profiles.At(p).members; i != 0; i = r.members.At(i).next {
		if m := r.members.At(i); m.segment == seg {
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
