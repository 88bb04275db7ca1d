package roster

import "rollcall/internal/contact"

// Fold takes one membership event. An event below the membership's own sequence changes nothing; an
// equal one maps the fields again, which is how re-read and replayed events come in.
func (r *Roster) Fold(in Row, touch Touch) Verdict {
	in.Sequence = r.order(in.Sequence)
	if r.erased(in.Profile, in.Sequence) {
		return Stale
	}
	p := r.profile(in.Profile)
	m := r.membership(p, in.Segment)
	if in.Sequence < m.sequence {
		return Stale
	}
	m.sequence, m.flags = in.Sequence, 0
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
	r.settle(p, in, touch)
	return Folded
}

// Current reports whether an event would still decide its membership: its sequence is not below the
// one that the membership has.
func (r *Roster) Current(profileID []byte, seg uint16, sequence uint64) bool {
	sequence = r.order(sequence)
	p := r.byID.Find(profileID, r.idOf)
	if p == 0 {
		return !r.erased(profileID, sequence)
	}
	for i := r.profiles.At(p).members; i != 0; i = r.members.At(i).next {
		if m := r.members.At(i); m.segment == seg {
			return sequence >= m.sequence
		}
	}
	return true
}

// InOther reports whether the profile is in a selected segment other than seg.
func (r *Roster) InOther(profileID []byte, seg uint16) bool {
	p := r.byID.Find(profileID, r.idOf)
	if p == 0 {
		return false
	}
	for i := r.profiles.At(p).members; i != 0; i = r.members.At(i).next {
		if m := r.members.At(i); m.segment != seg && r.in(m) {
			return true
		}
	}
	return false
}

func (r *Roster) in(m *member) bool {
	return m.flags&memberIn != 0 && r.segments[m.segment].selected
}

func (r *Roster) membership(p uint32, seg uint16) *member {
	row := r.profiles.At(p)
	for i := row.members; i != 0; i = r.members.At(i).next {
		if m := r.members.At(i); m.segment == seg {
			return m
		}
	}
	i := r.members.Add()
	m := r.members.At(i)
	m.segment, m.next = seg, row.members
	row.members = i
	return m
}

// name lets the membership's attributes name a contact, and counts the reference.
func (r *Roster) name(m *member, c uint32) {
	if m.contact == c {
		return
	}
	if m.contact != 0 {
		r.contacts.At(m.contact).refs--
	}
	if c != 0 {
		r.contacts.At(c).refs++
	}
	m.contact = c
}

// newest returns the membership whose attributes are the profile's, and whether it is in any segment.
func (r *Roster) newest(p uint32) (attributes *member, in bool) {
	for i := r.profiles.At(p).members; i != 0; {
		m := r.members.At(i)
		in = in || r.in(m)
		selected := r.segments[m.segment].selected
		if selected && m.flags&memberCarries != 0 && (attributes == nil || m.sequence > attributes.sequence) {
			attributes = m
		}
		i = m.next
	}
	return attributes, in
}

// settle makes the profile hold the contact that its attributes name, and tells of what changed.
func (r *Roster) settle(p uint32, in Row, touch Touch) {
	attributes, present := r.newest(p)
	row := r.profiles.At(p)
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
		if want != 0 {
			r.source(want)
			r.tell(want, p, &in, touch)
		}
		return
	}
	before := row.holds
	place := in.Sequence
	if before != 0 {
		r.unlink(p)
		r.remember(row, before)
		if old := r.contacts.At(before); old.head == 0 {
			place = old.place // a place passes with the profile that moves
		}
	}
	if want != 0 {
		if now := r.contacts.At(want); now.head == 0 {
			now.place = place
		}
		r.link(p, want)
		r.source(want)
	}
	if before != 0 {
		r.source(before)
		touch(contact.Handle(before), Cause{Moved: want != 0})
	}
	if want != 0 {
		r.tell(want, p, &in, touch)
	}
}

func (r *Roster) tell(c, p uint32, in *Row, touch Touch) {
	row := r.contacts.At(c)
	if row.source == p && row.sequence == in.Sequence && in.Carries {
		touch(contact.Handle(c), Cause{Fields: in.Fields, InHand: true})
		return
	}
	touch(contact.Handle(c), Cause{})
}

func (r *Roster) link(p, c uint32) {
	row, held := r.profiles.At(p), r.contacts.At(c)
	row.holds, row.prev, row.next = c, 0, held.head
	if held.head != 0 {
		r.profiles.At(held.head).prev = p
	}
	held.head = p
}

func (r *Roster) unlink(p uint32) {
	row := r.profiles.At(p)
	if row.prev != 0 {
		r.profiles.At(row.prev).next = row.next
	} else {
		r.contacts.At(row.holds).head = row.next
	}
	if row.next != 0 {
		r.profiles.At(row.next).prev = row.prev
	}
	row.holds, row.next, row.prev = 0, 0, 0
}

// remember keeps an address that the profile held, for its erasure.
func (r *Roster) remember(row *profile, c uint32) {
	for i := row.past; i != 0; i = r.past.At(i).next {
		if r.past.At(i).contact == c {
			return
		}
	}
	i := r.past.Add()
	*r.past.At(i) = address{contact: c, next: row.past}
	row.past = i
	r.contacts.At(c).refs++
}

// source finds the holder whose attributes are newest: the contact's fields are its.
func (r *Roster) source(c uint32) {
	row := r.contacts.At(c)
	row.source, row.hash = 0, 0
	var best uint64
	for p := row.head; p != 0; p = r.profiles.At(p).next {
		if m, _ := r.newest(p); m != nil && (row.source == 0 || m.sequence > best) {
			row.source, best, row.hash = p, m.sequence, m.hash
		}
	}
	row.sequence = best
}
