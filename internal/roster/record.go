package roster

import (
	"encoding/binary"
	"slices"
)

// A profile's record: a byte that says what follows, the packed id, and then what there is of: departed, holds, the
// links, the memberships, the past addresses. A contact's: a byte, the hash, the packed e-mail, the number of
// references, the holders, place and sequence. docs/adr/0016-packed-state.md says why.

const (
	hasDeparted = 1 << iota
	hasHolds
	hasLinks
	hasUUID
	membersShift = 4 // two bits: how many memberships, 3 is that their number follows
	pastShift    = 6 // two bits: past addresses, likewise

	fewer = 3 // memberships or addresses whose number takes no byte of its own
)

// profile is an opened record: a copy, but for the id. What changed is kept once it is stored.
type profile struct {
	number   uint32
	key      []byte // packed id: lies in the record, until the next change of any profile
	uuid     bool
	departed uint32 // unix seconds since when it is in no segment and had no event; zero while it is in one
	holds    uint32 // the contact that it keeps desired; zero is none
	next     uint32 // the other profiles that hold the same contact
	prev     uint32
	members  []member // the newest segment first
	past     []uint32 // contacts that it held before, the last one first

	fewMembers [fewer]member
	fewPast    [fewer]uint32
}

const (
	memberIn = 1 << iota
	memberCarries
	memberSwept // its sequence is that of the refresh that swept it
	memberFaded // its event is gone, and its fields with it
)

type member struct {
	sequence uint64
	hash     uint64 // of the attributes that it carries
	contact  uint32 // that its attributes name; zero is none usable
	segment  uint16
	flags    uint8
}

const (
	namesNone     = iota << 4 // attributes without a usable e-mail, or none
	namesHeld                 // the contact that the profile holds
	namesOther                // the contact that follows
	namesMask     = 3 << 4
	inlineShift   = 6 // two bits: the segment's number, 3 is that it follows
	inlineSegment = 3
)

// open reads a profile, and reports whether there is one of this number.
func (r *Roster) open(p uint32, row *profile) bool {
	b := r.profiles.Get(p)
	row.number = p
	row.members, row.past = row.fewMembers[:0], row.fewPast[:0]
	row.departed, row.holds, row.next, row.prev = 0, 0, 0, 0
	if b == nil {
		row.key = nil
		return false
	}
	in := cursor{b: b, at: 1}
	row.uuid = b[0]&hasUUID != 0
	row.key = in.take(keyLength(b[1:], row.uuid))
	if b[0]&hasDeparted != 0 {
		row.departed = binary.LittleEndian.Uint32(in.take(4))
	}
	if b[0]&hasHolds != 0 {
		row.holds = in.handle()
	}
	if b[0]&hasLinks != 0 {
		row.next, row.prev = in.handle(), in.handle()
	}
	for range in.count(b[0] >> membersShift & fewer) {
		row.members = append(row.members, in.member(row.holds))
	}
	for range in.count(b[0] >> pastShift & fewer) {
		row.past = append(row.past, in.handle())
	}
	return true
}

// store keeps what became of a profile.
func (r *Roster) store(row *profile) {
	var head byte
	dst := append(append(r.record[:0], 0), row.key...)
	if row.uuid {
		head |= hasUUID
	}
	if row.departed != 0 {
		head |= hasDeparted
		dst = binary.LittleEndian.AppendUint32(dst, row.departed)
	}
	if row.holds != 0 {
		head |= hasHolds
		dst = binary.AppendUvarint(dst, uint64(row.holds))
	}
	if row.next != 0 || row.prev != 0 {
		head |= hasLinks
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(row.next)), uint64(row.prev))
	}
	head |= byte(min(len(row.members), fewer)<<membersShift | min(len(row.past), fewer)<<pastShift)
	if len(row.members) >= fewer {
		dst = binary.AppendUvarint(dst, uint64(len(row.members)))
	}
	for i := range row.members {
		dst = appendMember(dst, &row.members[i], row.holds)
	}
	if len(row.past) >= fewer {
		dst = binary.AppendUvarint(dst, uint64(len(row.past)))
	}
	for _, c := range row.past {
		dst = binary.AppendUvarint(dst, uint64(c))
	}
	dst[0] = head
	r.record = dst
	r.profiles.Set(row.number, dst)
	row.key = r.keyOf(row.number)
}

func appendMember(dst []byte, m *member, holds uint32) []byte {
	head := m.flags & (memberIn | memberCarries | memberSwept | memberFaded)
	switch m.contact {
	case 0:
	case holds:
		head |= namesHeld
	default:
		head |= namesOther
	}
	dst = append(dst, head|byte(min(m.segment, inlineSegment)<<inlineShift))
	if m.segment >= inlineSegment {
		dst = binary.AppendUvarint(dst, uint64(m.segment))
	}
	dst = appendOrder(dst, m.sequence)
	if head&namesMask == namesOther {
		dst = binary.AppendUvarint(dst, uint64(m.contact))
	}
	if m.flags&memberCarries != 0 {
		dst = binary.LittleEndian.AppendUint64(dst, m.hash)
	}
	return dst
}

func (in *cursor) member(holds uint32) (m member) {
	head := in.take(1)[0]
	m.flags, m.segment = head&(memberIn|memberCarries|memberSwept|memberFaded), uint16(head>>inlineShift)
	if m.segment == inlineSegment {
		m.segment = uint16(in.number())
	}
	m.sequence = in.order()
	switch head & namesMask {
	case namesHeld:
		m.contact = holds
	case namesOther:
		m.contact = in.handle()
	}
	if m.flags&memberCarries != 0 {
		m.hash = binary.LittleEndian.Uint64(in.take(8))
	}
	return m
}

// of returns the membership of a segment, made where there was none.
func (row *profile) of(segment uint16) *member {
	for i := range row.members {
		if row.members[i].segment == segment {
			return &row.members[i]
		}
	}
	row.members = slices.Insert(row.members, 0, member{segment: segment})
	return &row.members[0]
}

const (
	isDesired   = 1 << 7 // somebody holds it
	countsRefs  = 1 << 6 // references other than one, their number follows
	shortLength = 1<<6 - 1
)

// row is an opened contact: a copy, but for the local part.
type row struct {
	local    text // its bytes lie in the record, until the next change of the contact
	domain   uint32
	refs     uint32 // memberships and past addresses that name it
	head     uint32 // the profiles that hold it
	source   uint32 // the one whose attributes are newest: it supplies the fields
	place    uint64 // sequence that made it desired; kept while somebody holds it
	sequence uint64 // of the event that set its fields
	hash     uint64 // of its desired fields
}

func (r *Roster) row(c uint32) (one row, ok bool) {
	b := r.contacts.Get(c)
	if b == nil {
		return one, false
	}
	in := cursor{b: b, at: 1}
	if b[0]&isDesired != 0 {
		one.hash = binary.LittleEndian.Uint64(in.take(8))
	}
	one.local.length = in.length(b[0])
	domain, pack := readHead(in.number())
	one.domain, one.local.pack = uint32(domain), pack
	one.local.packed = in.take(textBytes(one.local.length, pack))
	if one.refs = 1; b[0]&countsRefs != 0 {
		one.refs = in.handle()
	}
	if b[0]&isDesired != 0 {
		one.head, one.source = in.handle(), in.handle()
		one.place, one.sequence = in.order(), in.order()
	}
	return one, true
}

// put keeps what became of a contact.
func (r *Roster) put(c uint32, one *row) {
	head := byte(min(one.local.length, shortLength))
	dst := append(r.record[:0], 0)
	if one.head != 0 {
		head |= isDesired
		dst = binary.LittleEndian.AppendUint64(dst, one.hash)
	}
	if one.local.length >= shortLength {
		dst = binary.AppendUvarint(dst, uint64(one.local.length))
	}
	dst = append(binary.AppendUvarint(dst, textHead(int(one.domain), one.local.pack)), one.local.packed...)
	if one.refs != 1 {
		head |= countsRefs
		dst = binary.AppendUvarint(dst, uint64(one.refs))
	}
	if one.head != 0 {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(one.head)), uint64(one.source))
		dst = appendOrder(appendOrder(dst, one.place), one.sequence)
	}
	dst[0] = head
	r.record = dst
	r.contacts.Set(c, dst)
}

// desired reports whether somebody holds the contact, and the hash of its fields, without opening it.
func (r *Roster) desired(c uint32) (hash uint64, ok bool) {
	b := r.contacts.Get(c)
	if b == nil || b[0]&isDesired == 0 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[1:]), true
}

// keyOf returns a profile's packed id, as it lies in its record.
func (r *Roster) keyOf(p uint32) []byte {
	b := r.profiles.Get(p)
	return b[1 : 1+keyLength(b[1:], b[0]&hasUUID != 0)]
}

// emailKeyOf returns a contact's packed e-mail, as it lies in its record.
func (r *Roster) emailKeyOf(c uint32) []byte {
	b := r.contacts.Get(c)
	in := cursor{b: b, at: 1}
	if b[0]&isDesired != 0 {
		in.at += 8
	}
	length := in.length(b[0])
	first := in.at
	_, pack := readHead(in.number())
	in.take(textBytes(length, pack))
	return b[first:in.at]
}

// cursor reads a record.
type cursor struct {
	b  []byte
	at int
}

func (in *cursor) take(n int) []byte {
	in.at += n
	return in.b[in.at-n : in.at : in.at]
}

func (in *cursor) number() uint64 {
	if v := in.b[in.at]; v < 0x80 {
		in.at++
		return uint64(v)
	}
	v, n := binary.Uvarint(in.b[in.at:])
	in.at += n
	return v
}

func (in *cursor) handle() uint32 { return uint32(in.number()) }

// count is a number of memberships or addresses, of which the record's first byte has what is fewer than three.
func (in *cursor) count(few byte) int {
	if few < fewer {
		return int(few)
	}
	return int(in.number())
}

func (in *cursor) length(head byte) int {
	if n := int(head & shortLength); n < shortLength {
		return n
	}
	return int(in.number())
}

// appendOrder appends an event's place among all events of all generations: the generation after the sequence, so
// that it takes no byte in a stream's first one.
func appendOrder(dst []byte, order uint64) []byte {
	sequence, generation := order&(1<<generationShift-1), order>>generationShift
	if generation == 0 {
		return binary.AppendUvarint(dst, sequence<<1)
	}
	return binary.AppendUvarint(binary.AppendUvarint(dst, sequence<<1|1), generation)
}

func (in *cursor) order() uint64 {
	v := in.number()
	if v&1 == 0 {
		return v >> 1
	}
	return in.number()<<generationShift | v>>1
}
