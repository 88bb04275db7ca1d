package plan

import (
	"encoding/binary"

	"rollcall/internal/contact"
)

const (
	listed = 1 << iota // SendGrid confirmed it on the list
	slot               // an add of it is on its way or in doubt
)

const (
	placeShift = 2 // the place is kept above the flags
	places     = 3

	hasHash  = 1 << 4 // what follows in a record
	hasSince = 1 << 5
	hasSent  = 1 << 6 // add, by and Mask
	// fresh is that no try to add the contact can have had an effect yet: SendGrid took none, and every one was answered.
	fresh = 1 << 7
	kept  = listed | slot | places<<placeShift | fresh
)

// Standing is how one contact stands at SendGrid.
type Standing struct {
	Hash  uint64 // of the fields that SendGrid has; zero is unknown
	Mask  uint64 // text fields whose last value sent was not ""
	since uint32 // since when it is listed, in the owner's unit; zero is not, or not known
	add   uint32 // unix seconds of the last try to add it; zero is never
	by    uint16 // of the profile whose fields were sent last: the low bits of its number
	flags uint8
}

// Listed reports whether SendGrid confirmed the contact on the list.
func (s Standing) Listed() bool { return s.flags&listed != 0 }

// Slot reports whether an add of the contact holds a slot.
func (s Standing) Slot() bool { return s.flags&slot != 0 }

// Place returns where the contact is kept.
func (s Standing) Place() Place { return Place(s.flags >> placeShift & places) }

// Never reports whether no job of ours can ever have put the contact into the account.
func (s Standing) Never() bool { return !s.Listed() && (s.add == 0 || s.flags&fresh != 0) }

// By returns the low bits of the number of the profile whose fields were sent last.
func (s Standing) By() uint16 { return s.by }

// LastAdd returns when, in unix seconds, Rollcall last tried to add the contact.
func (s Standing) LastAdd() int64 { return int64(s.add) }

// Since returns what SetSince noted.
func (s Standing) Since() uint32 { return s.since }

// append appends the standing's record: a byte that says what follows, and what differs from zero. The waiting need
// that byte alone, and one who left keeps what must be known should they come back.
func (s Standing) append(dst []byte) []byte {
	head, at := s.flags, len(dst)
	dst = append(dst, 0)
	if s.Hash != 0 {
		head |= hasHash
		dst = binary.LittleEndian.AppendUint64(dst, s.Hash)
	}
	if s.since != 0 {
		head |= hasSince
		dst = binary.LittleEndian.AppendUint32(dst, s.since)
	}
	if s.add != 0 || s.by != 0 || s.Mask != 0 {
		head |= hasSent
		dst = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint32(dst, s.add), s.by)
		dst = binary.AppendUvarint(dst, s.Mask)
	}
	dst[at] = head
	return dst
}

// standing reads a record; none is the zero Standing.
func standing(b []byte) (s Standing) {
	if b == nil {
		return s
	}
	head := b[0]
	s.flags = head & kept
	b = b[1:]
	if head&hasHash != 0 {
		s.Hash, b = binary.LittleEndian.Uint64(b), b[8:]
	}
	if head&hasSince != 0 {
		s.since, b = binary.LittleEndian.Uint32(b), b[4:]
	}
	if head&hasSent != 0 {
		s.add, s.by = binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:])
		s.Mask, _ = binary.Uvarint(b[6:])
	}
	return s
}

// SetSince notes since when a listed contact is listed, in a unit of the caller's. It is forgotten with the listing.
func (b *Book) SetSince(h contact.Handle, since uint32) {
	s := b.At(h)
	s.since = since
	b.set(h, s)
}
