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

// Roster holds one destination's profiles, memberships and contacts.
type Roster struct {
	segments   []segment
	domains    domains
	profiles   dense.Records
	contacts   dense.Records
	byID       dense.Index
	byEmail    dense.Index
	tombstones map[uint64]uint64 // salted hash of a profile id -> sequence of its erasure
	seen       map[seenKey]uint64
	refreshes  []Refresh
	judged     map[uint16]uint64 // the last refresh judged, by segment
	salt       []byte
	generation uint16            // of the stream; in the upper bits of every sequence that is kept
	now        uint32            // unix seconds of the row being folded
	scratch    []byte            // of a profile's key
	record     []byte            // being written
	id         []byte            // packed, being looked up
	email      []byte            // unpacked for a reader
	packed     []byte            // e-mail being looked up
	one        profile           // being folded
	other      profile           // of a contact's holders, being compared
	crowds     map[uint32]*crowd // of contacts that many profiles hold
	crowdFrom  int               // more holders than so many make a crowd
	holders    []holder          // of a contact, being compared
	walked     uint64            // holders that were looked at to find a source: a test bounds it
}

type segment struct {
	name      string
	selected  bool
	published uint64 // the first sequence of the last refresh that was accepted: whoever was last seen before it has left
}

// New returns an empty roster. salt is the installation's: tombstones are hashed with it.
func New(salt []byte) *Roster {
	return &Roster{
		tombstones: map[uint64]uint64{},
		seen:       map[seenKey]uint64{},
		judged:     map[uint16]uint64{},
		crowds:     map[uint32]*crowd{},
		crowdFrom:  crowded,
		salt:       salt,
	}
}

// Salt makes the tombstones' salt another one: that with which a snapshot's were made.
func (r *Roster) Salt(salt []byte) { r.salt = salt }

// Tombstones is how many erased persons are known by a hash.
func (r *Roster) Tombstones() int { return len(r.tombstones) }

// Select makes exactly these segments the destination's, and returns those that were not before and
// those that no longer are. Numbers of segments stay for ever.
func (r *Roster) Select(names []string) (added, removed []uint16) {
	clear(r.crowds) // which attributes are a profile's newest depends on what is selected
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
func (r *Roster) Desired(h contact.Handle) bool {
	_, ok := r.desired(uint32(h))
	return ok
}

// Email returns the contact's e-mail; the bytes are valid until the roster is asked for another.
func (r *Roster) Email(h contact.Handle) []byte {
	c, ok := r.row(uint32(h))
	if !ok {
		return nil
	}
	r.email = r.domains.appendEmail(r.email[:0], c.domain, c.local)
	return r.email
}

// Hash returns the hash of the fields that the contact should have.
func (r *Roster) Hash(h contact.Handle) uint64 {
	hash, _ := r.desired(uint32(h))
	return hash
}

// Place returns the sequence that made the contact desired: its place in the line for a slot. It is zero where nobody
// holds the contact.
func (r *Roster) Place(h contact.Handle) uint64 {
	c, _ := r.row(uint32(h))
	return c.place
}

// Source returns the sequence of the event that set the contact's fields; zero is one of a stream before.
func (r *Roster) Source(h contact.Handle) uint64 {
	c, _ := r.row(uint32(h))
	return r.sequenceOf(c.sequence)
}

// SourceProfile returns the number of the profile that supplies the contact's fields; zero is none.
func (r *Roster) SourceProfile(h contact.Handle) uint32 {
	c, _ := r.row(uint32(h))
	return c.source
}

// SourceID returns the id of the profile that supplies the contact's fields; empty is none. It is valid until the next is
// asked for.
func (r *Roster) SourceID(h contact.Handle) []byte {
	p := r.SourceProfile(h)
	if p == 0 {
		return nil
	}
	return r.plainID(p)
}

// Fade notes that the event which set the contact's fields is gone: hash is that of the fields it has instead.
func (r *Roster) Fade(h contact.Handle, hash uint64) {
	c, _ := r.row(uint32(h))
	var p profile
	if c.source == 0 || !r.open(c.source, &p) {
		return
	}
	if m, _ := r.newest(&p); m != nil {
		m.hash, c.hash = hash, hash
		m.flags |= memberFaded
		r.store(&p)
		r.put(uint32(h), &c)
	}
}

// Contacts is one more than the highest contact handle.
func (r *Roster) Contacts() uint32 { return r.contacts.Len() }

// Profiles is the number of profiles that the roster keeps, departed ones included.
func (r *Roster) Profiles() int { return r.byID.Len() }

// Find returns the contact of a normalised e-mail, or zero.
func (r *Roster) Find(email []byte) contact.Handle {
	number, local := r.domains.split(email)
	r.packed = packEmail(r.packed[:0], number, local)
	if c := r.byEmail.Find(r.packed, r.emailKeyOf); c != 0 || number == 0 || r.domains.wholes == 0 {
		return contact.Handle(c)
	}
	r.packed = packEmail(r.packed[:0], 0, email) // from before its domain got a number
	return contact.Handle(r.byEmail.Find(r.packed, r.emailKeyOf))
}

// find returns the number of a profile, or zero.
func (r *Roster) find(id []byte) uint32 {
	r.id, _ = packID(r.id[:0], id)
	return r.byID.Find(r.id, r.keyOf)
}

// lookUp opens the profile of an id, and reports whether there is one.
func (r *Roster) lookUp(id []byte, row *profile) bool {
	p := r.find(id)
	return p != 0 && r.open(p, row)
}

// enter opens the profile of an id, made where there was none: the caller stores it before any other is looked up.
func (r *Roster) enter(id []byte, row *profile) {
	if r.lookUp(id, row) {
		return
	}
	p := r.profiles.Add()
	r.open(p, row)
	row.key, row.uuid = packID(r.id[:0], id)
	r.id = row.key
	r.byID.Add(row.key, p, r.keyOf)
}

// contact returns the contact of an e-mail, made where there was none.
func (r *Roster) contact(email []byte) uint32 {
	if c := r.Find(email); c != 0 {
		return uint32(c)
	}
	c := r.contacts.Add()
	r.put(c, r.named(&row{}, email))
	r.byEmail.Add(r.emailKeyOf(c), c, r.emailKeyOf)
	return c
}

// named gives a new contact its e-mail.
func (r *Roster) named(one *row, email []byte) *row {
	number, local := r.domains.add(email)
	pack := packingOf(local)
	r.packed = appendText(r.packed[:0], local, pack)
	one.domain, one.local = number, text{packed: r.packed, length: len(local), pack: pack}
	return one
}

// Intern returns the contact of a normalised e-mail, made where there was none.
func (r *Roster) Intern(email []byte) contact.Handle { return contact.Handle(r.contact(email)) }

// idOf appends the profile's id.
func (r *Roster) idOf(dst []byte, p uint32) []byte {
	b := r.profiles.Get(p)
	return unpackID(dst, b[1:], b[0]&hasUUID != 0)
}
