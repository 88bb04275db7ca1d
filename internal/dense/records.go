package dense

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	recordPage = 1 << 16 // bytes; a record's address is its page's number and where it begins in it
	leastRoom  = 4       // a free place holds the address of the next
	exactRooms = 256     // rooms below it are of any size, those above it are of a multiple of roomStep
	roomStep   = 64
	mostPages  = 1 << 16 // whose bytes an address of 32 bits can name: 4 GiB
	spareRoom  = 80      // per cent of its room that a record takes at least: what became smaller makes room for others
)

// Records keeps one byte string of any length for each handle, without headers and pointers: five bytes more than
// the string. One that changes a little within its room stays where it is; the place of one that moved or was dropped
// is used again for a string of about its size. It holds 4 GiB: what
// does not fit is a panic with ErrFull, which whoever changes the state turns into an error (Full).
//
// Places are never joined: memory follows the largest population of each size since the records were made, and is
// won back when they are loaded the next time.
type Records struct {
	at    Slab[uint32] // address of each handle's place; zero is none
	pages [][]byte
	page  int      // that is being filled
	used  int      // of it; zero is that there is none
	free  []uint32 // first free place of each class
	spare []uint32 // numbers of pages that can be used again
	most  int      // pages; zero is mostPages
}

// ErrFull says that records do not fit into what their addresses can name.
var ErrFull = errors.New("the state of one destination has reached the 4 GiB that its tables can address: " +
	"give some of its segments to another destination")

// Full turns the panic of records that are full into the error, if it is deferred; another panic goes on.
func Full(err *error) {
	switch p := recover(); p {
	case nil:
	case ErrFull:
		*err = ErrFull
	default:
		panic(p)
	}
}

// Add returns a handle with no record.
func (r *Records) Add() uint32 { return r.at.Add() }

// Grow makes handles exist up to and including h.
func (r *Records) Grow(h uint32) { r.at.Grow(h) }

// Free drops the handle's record; the handle will be given out again.
func (r *Records) Free(h uint32) {
	r.Drop(h)
	r.at.Free(h)
}

// Len is one more than the highest handle.
func (r *Records) Len() uint32 { return r.at.Len() }

// FreeList returns the handles that were freed, as Slab.FreeList does.
func (r *Records) FreeList() []uint32 { return r.at.FreeList() }

// SetFree is Slab.SetFree.
func (r *Records) SetFree(free []uint32) { r.at.SetFree(free) }

// Get returns the handle's record, or nil where there is none. It may be longer than what was set: what follows is
// zero. It stays valid until the record is set or dropped; writing to it changes the record.
func (r *Records) Get(h uint32) []byte {
	if h >= r.at.Len() {
		return nil
	}
	address := *r.at.At(h)
	if address == 0 {
		return nil
	}
	place := r.pages[address/recordPage][address%recordPage:]
	room, n := uint64(place[0]), 1
	if room >= 0x80 {
		room, n = binary.Uvarint(place)
	}
	return place[n : n+int(room) : n+int(room)]
}

// Set makes b the handle's record.
func (r *Records) Set(h uint32, b []byte) {
	have := r.Get(h)
	if len(b) > len(have) || roomFor(len(b)) < len(have)*spareRoom/100 {
		r.Drop(h)
		have = r.place(h, len(b))
	}
	clear(have[copy(have, b):])
}

// Drop takes the handle's record away and overwrites it.
func (r *Records) Drop(h uint32) {
	have := r.Get(h)
	if have == nil {
		return
	}
	clear(have)
	at := r.at.At(h)
	address := *at
	*at = 0
	if len(have) >= recordPage/2 { // it had a page of its own
		r.pages[address/recordPage] = nil
		r.spare = append(r.spare, address/recordPage)
		return
	}
	r.put(address, have)
}

// put makes a place one that can be used again.
func (r *Records) put(address uint32, room []byte) {
	if r.free == nil {
		r.free = make([]uint32, class(recordPage)+1)
	}
	c := class(len(room))
	binary.LittleEndian.PutUint32(room, r.free[c])
	r.free[c] = address
}

// class numbers the rooms.
func class(room int) int {
	if room < exactRooms {
		return room
	}
	return exactRooms + (room-exactRooms)/roomStep
}

// roomFor is how large the room of a record of so many bytes is.
func roomFor(n int) int {
	if n < exactRooms {
		return max(n, leastRoom)
	}
	return (n + roomStep - 1) / roomStep * roomStep
}

// place gives the handle a room of n bytes, zeroed.
func (r *Records) place(h uint32, n int) []byte {
	room := roomFor(n)
	if len(r.free) > 0 && room < recordPage/2 {
		for c := class(room); c <= class(room+leastRoom); c++ { // a little larger will do
			if address := r.free[c]; address != 0 {
				*r.at.At(h) = address
				have := r.Get(h)
				r.free[c] = binary.LittleEndian.Uint32(have)
				clear(have[:leastRoom])
				return have
			}
		}
	}
	need := (bits.Len(uint(room))+6)/7 + room
	page, at := r.page, r.used
	switch {
	case room >= recordPage/2: // a page of its own
		page, at = r.open(need+1), 1
	case at == 0 || at+need > recordPage:
		page, at = r.open(recordPage), 1
		r.page = page
		r.used = at + need
	default:
		r.used += need
	}
	*r.at.At(h) = uint32(page*recordPage + at)
	binary.PutUvarint(r.pages[page][at:], uint64(room))
	return r.Get(h)
}

// open makes a page. Nothing begins at its first byte, so that no place has address zero.
func (r *Records) open(size int) int {
	if n := len(r.spare) - 1; n >= 0 {
		page := int(r.spare[n])
		r.spare = r.spare[:n]
		r.pages[page] = make([]byte, size)
		return page
	}
	most := r.most
	if most == 0 {
		most = mostPages
	}
	if len(r.pages) >= most {
		panic(ErrFull)
	}
	r.pages = append(r.pages, make([]byte, size))
	return len(r.pages) - 1
}

// Bytes returns the memory that the records hold, their handles aside.
func (r *Records) Bytes() int {
	n := 0
	for _, p := range r.pages {
		n += len(p)
	}
	return n
}
