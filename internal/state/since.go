package state

import (
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/wire"
)

// listing is since when a listed contact is listed: seconds since the year 2000, and in the lowest bit whether it was
// adopted, that is others had put it there. Zero is off the list, or not known.
type listing uint32

const millennium = 946684800 // in unix seconds

func (l listing) unix() int64 {
	if l>>1 == 0 {
		return 0
	}
	return int64(l>>1) + millennium
}

func (l listing) adopted() bool { return l&1 != 0 }

// list notes that SendGrid has the contact on the list, and since when.
func (s *State) list(h contact.Handle, hash, mask uint64) {
	was := s.IsListed(h)
	s.Book.SetListed(h, hash, mask)
	if !was {
		s.Book.SetSince(h, uint32(max(s.at/int64(time.Second)-millennium, 1)<<1))
	}
}

// adopt notes that a contact which others put on the list is ours from now on.
func (s *State) adopt(h contact.Handle) {
	if s.Flight.Of(h) != nil || s.IsListed(h) {
		return
	}
	s.list(h, 0, s.Book.At(h).Mask)
	s.Book.SetSince(h, s.Book.At(h).Since()|1)
}

// listing returns since when the contact is listed.
func (s *State) listing(h contact.Handle) listing { return listing(s.Book.At(h).Since()) }

// appendSince appends one number a contact, each as far from the one before: those of one batch take a byte.
func (s *State) appendSince(dst []byte) []byte {
	last := max(s.Roster.Contacts(), 1) - 1
	for last > 0 && s.listing(contact.Handle(last)) == 0 {
		last-- // how far the table has grown is no state
	}
	dst = wire.Uint(dst, uint64(last))
	before := int64(0)
	for h := uint32(1); h <= last; h++ {
		at := int64(s.listing(contact.Handle(h)))
		dst = wire.Int(dst, at-before)
		before = at
	}
	return dst
}

// loadSince comes after the book, of which it is a part.
func (s *State) loadSince(in *wire.Reader) error {
	last, at := uint32(in.Count()), int64(0)
	for h := uint32(1); h <= last && in.Err() == nil; h++ {
		if at += in.Int(); at != 0 {
			s.Book.SetSince(contact.Handle(h), uint32(at))
		}
	}
	return in.Err()
}
