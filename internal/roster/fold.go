package roster

import (
	"slices"

	"rollcall/internal/contact"
)

// Fold takes one membership event. An event below the membership's own sequence changes nothing; an
// equal one maps the fields again, which is how re-read and replayed events come in.
func (r *Roster) Fold(in Row, touch Touch) Verdict {
	in.Sequence = r.order(in.Sequence)
	if r.erased(in.Profile, in.Sequence) || in.Entered && r.letGo(in.Profile, in.Segment, in.Sequence) {
		return Stale
	}
	row := &r.one
	r.enter(in.Profile, row)
	m := row.of(in.Segment)
	if in.Sequence < m.sequence {
		return Stale
	}
	if in.Sequence > m.sequence {
		row.departed = 0 // whoever is in no segment is remembered from the last event on
	}
	m.sequence, m.flags, m.hash = in.Sequence, 0, 0
	if in.Entered {
		m.flags |= memberIn
	}
	var named uint32
	if in.Carries {
		m.flags |= memberCarries
		m.hash = in.Hash
		if len(in.Email) > 0 {
			named = r.contact(in.Email)
		}
	}
	r.name(m, named)
	r.settle(row, in, touch)
	return Folded
}

// Current reports whether an event would still decide its membership: its sequence is not below the
// one that the membership has.
func (r *Roster) Current(profileID []byte, seg uint16, sequence uint64) bool {
	sequence = r.order(sequence)
	var row profile
	if !r.lookUp(profileID, &row) {
		return !r.erased(profileID, sequence) && !r.letGo(profileID, seg, sequence)
	}
	for i := range row.members {
		if m := &row.members[i]; m.segment == seg {
			return sequence >= m.sequence
		}
	}
	return !r.letGo(profileID, seg, sequence)
}

// letGo reports whether an event lies below the last refresh of its segment that was accepted, of a profile that has no
// membership there any more: the refresh ended it, and its row was forgotten since. An event that is read again, by a
// back-fill or a replay, would revive it otherwise (H13).
func (r *Roster) letGo(profileID []byte, seg uint16, order uint64) bool {
	if order >= r.segments[seg].published {
		return false
	}
	row := &r.other
	return !r.lookUp(profileID, row) || !slices.ContainsFunc(row.members, func(m member) bool { return m.segment == seg })
}

// InOther reports whether the profile is in a selected segment other than seg.
func (r *Roster) InOther(profileID []byte, seg uint16) bool {
	var row profile
	r.lookUp(profileID, &row)
	for i := range row.members {
		if m := &row.members[i]; m.segment != seg && r.in(m) {
			return true
		}
	}
	return false
}

func (r *Roster) in(m *member) bool {
	return m.flags&memberIn != 0 && r.segments[m.segment].selected
}

// name lets the membership's attributes name a contact, and counts the reference.
func (r *Roster) name(m *member, c uint32) {
	if m.contact == c {
		return
	}
	r.refer(m.contact, -1)
	r.refer(c, 1)
	m.contact = c
}

// refer counts references to a contact; zero is none.
func (r *Roster) refer(c uint32, by int32) {
	if c == 0 {
		return
	}
	held, _ := r.row(c)
	held.refs = uint32(int32(held.refs) + by)
	r.put(c, &held)
}

// newest returns the membership whose attributes are the profile's, and whether it is in any segment.
func (r *Roster) newest(row *profile) (attributes *member, in bool) {
	for i := range row.members {
		m := &row.members[i]
		in = in || r.in(m)
		selected := r.segments[m.segment].selected
		if selected && m.flags&memberCarries != 0 && (attributes == nil || m.sequence > attributes.sequence) {
			attributes = m
		}
	}
	return attributes, in
}

// settle makes the profile hold the contact that its attributes name, stores it, and tells of what changed.
func (r *Roster) settle(row *profile, in Row, touch Touch) {
	attributes, present := r.newest(row)
	if present {
		row.departed = 0
	} else if row.departed == 0 {
		row.departed = max(r.now, 1)
	}
	var want uint32
	if present && attributes != nil {
		want = attributes.contact
	}
	if row.holds == want {
		r.store(row)
		if want != 0 {
			r.joined(row)
			r.source(want)
			r.tell(want, row.number, &in, touch)
		}
		return
	}
	before := row.holds
	place := in.Sequence
	if before != 0 {
		old, _ := r.row(before)
		r.unlink(row)
		r.remember(row, before)
		if !r.Desired(contact.Handle(before)) {
			place = old.place // a place passes with the profile that moves
		}
	}
	if want != 0 {
		r.link(row, want, place)
	}
	r.store(row)
	if want != 0 {
		r.joined(row)
		r.source(want)
	}
	if before != 0 {
		r.source(before)
		touch(contact.Handle(before), Cause{Moved: want != 0})
	}
	if want != 0 {
		r.tell(want, row.number, &in, touch)
	}
}

func (r *Roster) tell(c, p uint32, in *Row, touch Touch) {
	row, _ := r.row(c)
	if row.source == p && row.sequence == in.Sequence && in.Carries {
		touch(contact.Handle(c), Cause{Fields: in.Fields, InHand: true})
		return
	}
	touch(contact.Handle(c), Cause{})
}

// link makes the profile, which the caller stores, the first holder of a contact. place is the contact's where
// nobody held it before.
func (r *Roster) link(row *profile, c uint32, place uint64) {
	held, _ := r.row(c)
	if held.head == 0 {
		held.place = place
	} else {
		r.edit(held.head, func(other *profile) { other.prev = row.number })
	}
	row.holds, row.prev, row.next = c, 0, held.head
	held.head = row.number
	r.put(c, &held)
}

// unlink takes the profile, which the caller stores, from the holders of its contact.
func (r *Roster) unlink(row *profile) {
	if row.prev != 0 {
		r.edit(row.prev, func(other *profile) { other.next = row.next })
	} else {
		held, _ := r.row(row.holds)
		held.head = row.next
		r.put(row.holds, &held)
	}
	if row.next != 0 {
		r.edit(row.next, func(other *profile) { other.prev = row.prev })
	}
	row.holds, row.next, row.prev = 0, 0, 0
}

// edit changes a profile that is not open.
func (r *Roster) edit(p uint32, change func(*profile)) {
	var row profile
	r.open(p, &row)
	change(&row)
	r.store(&row)
}

// remember keeps an address that the profile held, for its erasure.
func (r *Roster) remember(row *profile, c uint32) {
	if slices.Contains(row.past, c) {
		return
	}
	row.past = slices.Insert(row.past, 0, c)
	r.refer(c, 1)
}

// source finds the holder whose attributes are newest: the contact's fields are its.
func (r *Roster) source(c uint32) {
	held, _ := r.row(c)
	if held.head == 0 {
		delete(r.crowds, c)
		return // nothing is kept of a source
	}
	source, sequence, hash := held.source, held.sequence, held.hash
	r.supply(c, &held)
	if source != held.source || sequence != held.sequence || hash != held.hash {
		r.put(c, &held)
	}
}
