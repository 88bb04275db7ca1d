// Package roster is the fold: from the events of a destination's segments to who is desired, and why.
//
// It guarantees that only the latest event of each membership decides (I3), whatever order events come
// in; that a contact is desired exactly while some profile with its e-mail is in a selected segment
// (I6); and that a profile's row outlives its memberships until it is forgotten or erased, so that a
// replay revives nobody. Attributes belong to the profile: those of the newest among the latest events
// of its memberships that carry any count, whole.
//
// It is pure (I14) and knows nothing of SendGrid: whether a contact is listed, or its fields were sent,
// is the plan's business. It keeps no field values, only their hash.
package roster

import (
	"rollcall/internal/contact"
	"rollcall/internal/dense"
)

// Touch is told of each contact whose desire or fields may have changed.
type Touch func(h contact.Handle, c Cause)

// Cause is what the fold knows of a change.
type Cause struct {
	Fields []byte // the contact's mapped values where the event at hand supplied them, valid during the call
	InHand bool   // it did; otherwise the newest holder's values have to be read again from the stream
	Moved  bool   // the profile at hand left the contact for another address
}

// Row is one membership event as a commit holds it: mapped, its e-mail normalised. Email is nil where
// the attributes had no usable one. Carries says that the event had attributes.
type Row struct {
	Sequence uint64
	Segment  uint16
	Entered  bool
	Carries  bool
	Profile  []byte
	Email    []byte
	Fields   []byte
	Hash     uint64 // of Fields
}

// Verdict is what the fold made of a row.
type Verdict uint8

// The verdicts, in the words of the metrics.
const (
	Folded Verdict = iota
	Stale
)

type profile struct {
	id       dense.Ref
	members  uint32 // head of its memberships
	holds    uint32 // the contact that it keeps desired; zero is none
	next     uint32 // the other profiles that hold the same contact
	prev     uint32
	past     uint32 // head of the addresses that it held before
	departed uint32 // unix seconds since when it is in no segment; zero while it is in one
}

const (
	memberIn = 1 << iota
	memberCarries
	memberSwept // its sequence is that of the refresh that swept it
	memberFaded // its event is gone, and its fields with it
)

type member struct {
	sequence uint64
	hash     uint64
	contact  uint32 // that its attributes name; zero is none usable
	next     uint32
	segment  uint16
	flags    uint8
}

type address struct {
	contact uint32
	next    uint32
}

type row struct {
	email    dense.Ref
	head     uint32 // the profiles that hold it
	source   uint32 // the one whose attributes are newest: it supplies the fields
	refs     uint32 // memberships and past addresses that name it
	place    uint64 // sequence that made it desired
	sequence uint64 // of the event that set its fields
	hash     uint64 // of its desired fields
}

// Roster holds one destination's profiles, memberships and contacts.
type Roster struct {
	segments   []segment
	text       dense.Arena
	profiles   dense.Slab[profile]
	contacts   dense.Slab[row]
	members    dense.Slab[member]
	past       dense.Slab[address]
	byID       dense.Index
	byEmail    dense.Index
	tombstones map[uint64]uint64 // salted hash of a profile id -> sequence of its erasure
	seen       map[seenKey]uint64
	refreshes  []Refresh
	judged     map[uint16]uint64 // the last refresh judged, by segment
	salt       []byte
	generation uint16 // of the stream; in the upper bits of every sequence that is kept
	now        uint32 // unix seconds of the row being folded
	scratch    []byte
}

type segment struct {
	name     string
	selected bool
}

// New returns an empty roster. salt is the installation's: tombstones are hashed with it.
func New(salt []byte) *Roster {
	return &Roster{
		tombstones: map[uint64]uint64{},
		seen:       map[seenKey]uint64{},
		judged:     map[uint16]uint64{},
		salt:       salt,
	}
}

// Select makes exactly these segments the destination's, and returns those that were not before and
// those that no longer are. Numbers of segments stay for ever.
func (r *Roster) Select(names []string) (added, removed []uint16) {
	want := map[uint16]bool{}
	for _, name := range names {
		n, ok := r.Segment(name)
		if !ok {
			n = uint16(len(r.segments))
			r.segments = append(r.segments, segment{name: name})
		}
		want[n] = true
	}
	for n := range r.segments {
		number, s := uint16(n), &r.segments[n]
		switch {
		case want[number] && !s.selected:
			added = append(added, number)
		case !want[number] && s.selected:
			removed = append(removed, number)
		}
		s.selected = want[number]
	}
	return added, removed
}

// Segment returns the number of a segment that is or was the destination's.
func (r *Roster) Segment(name string) (uint16, bool) {
	for n, s := range r.segments {
		if s.name == name {
			return uint16(n), true
		}
	}
	return 0, false
}

// SegmentName returns the name of a segment's number.
func (r *Roster) SegmentName(n uint16) string {
	if int(n) < len(r.segments) {
		return r.segments[n].name
	}
	return ""
}

// At tells the roster the time, in unix seconds, of the rows that follow: a profile's departure is
// dated by it.
func (r *Roster) At(unix int64) { r.now = uint32(unix) }

// Desired reports whether some profile holds the contact.
func (r *Roster) Desired(h contact.Handle) bool { return r.contacts.At(uint32(h)).head != 0 }

// Email returns the contact's e-mail; the roster goes on owning the bytes.
func (r *Roster) Email(h contact.Handle) []byte { return r.text.Get(r.contacts.At(uint32(h)).email) }

// Hash returns the hash of the fields that the contact should have.
func (r *Roster) Hash(h contact.Handle) uint64 { return r.contacts.At(uint32(h)).hash }

// Place returns the sequence that made the contact desired: its place in the line for a slot.
func (r *Roster) Place(h contact.Handle) uint64 { return r.contacts.At(uint32(h)).place }

// Source returns the sequence of the event that set the contact's fields; zero is one of a stream before.
func (r *Roster) Source(h contact.Handle) uint64 {
	return r.sequenceOf(r.contacts.At(uint32(h)).sequence)
}

// SourceProfile returns the number of the profile that supplies the contact's fields; zero is none.
func (r *Roster) SourceProfile(h contact.Handle) uint32 { return r.contacts.At(uint32(h)).source }

// Fade notes that the event which set the contact's fields is gone: hash is that of the fields it has instead.
func (r *Roster) Fade(h contact.Handle, hash uint64) {
	row := r.contacts.At(uint32(h))
	if m, _ := r.newest(row.source); m != nil {
		m.hash, row.hash = hash, hash
		m.flags |= memberFaded
	}
}

// Contacts is one more than the highest contact handle.
func (r *Roster) Contacts() uint32 { return r.contacts.Len() }

// Profiles is the number of profiles that the roster keeps, departed ones included.
func (r *Roster) Profiles() int { return r.byID.Len() }

// Find returns the contact of a normalised e-mail, or zero.
func (r *Roster) Find(email []byte) contact.Handle {
	return contact.Handle(r.byEmail.Find(email, r.emailOf))
}

func (r *Roster) emailOf(h uint32) []byte { return r.text.Get(r.contacts.At(h).email) }
func (r *Roster) idOf(h uint32) []byte    { return r.text.Get(r.profiles.At(h).id) }

func (r *Roster) profile(id []byte) uint32 {
	if p := r.byID.Find(id, r.idOf); p != 0 {
		return p
	}
	p := r.profiles.Add()
	r.profiles.At(p).id = r.text.Put(id)
	r.byID.Add(id, p)
	return p
}

func (r *Roster) contact(email []byte) uint32 {
	if c := r.byEmail.Find(email, r.emailOf); c != 0 {
		return c
	}
	c := r.contacts.Add()
	r.contacts.At(c).email = r.text.Put(email)
	r.byEmail.Add(email, c)
	return c
}

// Intern returns the contact of a normalised e-mail, made where there was none.
func (r *Roster) Intern(email []byte) contact.Handle { return contact.Handle(r.contact(email)) }
