package roster

import (
	"fmt"
	"slices"

	"rollcall/internal/dense"
	"rollcall/internal/wire"
)

// Append appends the whole roster to dst. Handles are kept, free ones too: entries that follow the
// snapshot name contacts by them.
func (r *Roster) Append(dst []byte) []byte {
	dst = wire.Uint(dst, uint64(r.generation))
	dst = wire.Uint(dst, uint64(len(r.segments)))
	for _, s := range r.segments {
		dst = wire.Bool(wire.String(dst, s.name), s.selected)
	}
	dst = r.appendContacts(dst)
	dst = r.appendProfiles(dst)
	dst = wire.Uint(dst, uint64(len(r.refreshes)))
	for _, f := range r.refreshes {
		for _, v := range []uint64{uint64(f.Segment), f.First, f.Count, f.Sequence, f.Until, uint64(f.State)} {
			dst = wire.Uint(dst, v)
		}
	}
	dst = wire.Uint(dst, uint64(len(r.judged)))
	for _, k := range sortedKeys(r.judged) {
		dst = wire.Uint(wire.Uint(dst, uint64(k)), r.judged[k])
	}
	dst = wire.Uint(dst, uint64(len(r.tombstones)))
	for _, k := range sortedKeys(r.tombstones) {
		dst = wire.Uint(wire.Fixed(dst, k), r.tombstones[k])
	}
	seen := make([]seenKey, 0, len(r.seen))
	for k := range r.seen {
		seen = append(seen, k)
	}
	slices.SortFunc(seen, func(a, b seenKey) int {
		if a.segment != b.segment {
			return int(a.segment) - int(b.segment)
		}
		if a.key < b.key {
			return -1
		}
		return 1
	})
	dst = wire.Uint(dst, uint64(len(seen)))
	for _, k := range seen {
		dst = wire.Uint(wire.Fixed(wire.Uint(dst, uint64(k.segment)), k.key), r.seen[k])
	}
	for _, s := range r.segments { // at the end: a build without it reads the rest
		dst = wire.Uint(dst, s.published)
	}
	return dst
}

func sortedKeys[K uint16 | uint64](m map[K]uint64) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (r *Roster) appendContacts(dst []byte) []byte {
	dst = wire.Uint(dst, uint64(r.contacts.Len()))
	for h := uint32(1); h < r.contacts.Len(); h++ {
		c, ok := r.row(h)
		r.email = r.email[:0]
		if ok {
			r.email = r.domains.appendEmail(r.email, c.domain, c.local)
		}
		if dst = wire.Bytes(dst, r.email); ok {
			dst = wire.Uint(dst, c.place)
		}
	}
	return dense.AppendFree(dst, r.contacts.FreeList())
}

func (r *Roster) appendProfiles(dst []byte) []byte {
	dst = wire.Uint(dst, uint64(r.profiles.Len()))
	var row profile
	for p := uint32(1); p < r.profiles.Len(); p++ {
		if !r.open(p, &row) {
			dst = wire.Bytes(dst, nil)
			continue
		}
		dst = wire.Bytes(dst, r.plainID(p))
		dst = wire.Uint(dst, uint64(row.departed))
		dst = wire.Uint(dst, uint64(row.holds))
		for i := range row.members {
			m := &row.members[i]
			dst = wire.Uint(append(dst, m.flags+1), uint64(m.segment))
			dst = wire.Uint(wire.Uint(dst, m.sequence), uint64(m.contact))
			dst = wire.Fixed(dst, m.hash)
		}
		dst = append(dst, 0)
		for _, c := range row.past {
			dst = wire.Uint(dst, uint64(c))
		}
		dst = append(dst, 0)
	}
	return dense.AppendFree(dst, r.profiles.FreeList())
}

// Load reads what Append wrote into an empty roster.
func (r *Roster) Load(body []byte) error {
	in := wire.NewReader(body)
	r.generation = uint16(in.Uint())
	for range in.Count() {
		r.segments = append(r.segments, segment{name: in.String(), selected: in.Bool()})
	}
	contacts := r.loadContacts(in)
	r.loadProfiles(in, contacts)
	for range in.Count() {
		f := Refresh{Segment: uint16(in.Uint()), First: in.Uint(), Count: in.Uint(), Sequence: in.Uint(), Until: in.Uint(), State: RefreshState(in.Uint())}
		r.refreshes = append(r.refreshes, f)
	}
	for range in.Count() {
		k := uint16(in.Uint())
		r.judged[k] = in.Uint()
	}
	for range in.Count() {
		k := in.Fixed()
		r.tombstones[k] = in.Uint()
	}
	for range in.Count() {
		k := seenKey{segment: uint16(in.Uint()), key: in.Fixed()}
		r.seen[k] = in.Uint()
	}
	for n := 0; n < len(r.segments) && in.Len() > 0; n++ { // a snapshot of a build before has none
		r.segments[n].published = in.Uint()
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read the roster: %w", err)
	}
	r.keep(contacts)
	return nil
}

// loadContacts reads the contacts' e-mails, which lie in the snapshot's bytes: what names and holds them comes with the
// profiles, and each is stored once.
func (r *Roster) loadContacts(in *wire.Reader) []loaded {
	n := uint32(in.Count())
	contacts := make([]loaded, max(n, 1))
	for h := uint32(1); h < n && in.Err() == nil; h++ {
		if contacts[h].email = in.Bytes(); contacts[h].email != nil {
			contacts[h].place = in.Uint()
		}
	}
	if n > 0 {
		r.contacts.Grow(n - 1)
	}
	r.contacts.SetFree(dense.ReadFree(in.Count, in.Uint))
	return contacts
}

// loaded is a contact of a snapshot being read.
type loaded struct {
	email      []byte
	place      uint64
	head, refs uint32
}

// keep stores the contacts of a snapshot.
func (r *Roster) keep(contacts []loaded) {
	r.byEmail.Reserve(len(contacts), r.emailKeyOf)
	for n, c := range contacts {
		if c.email == nil {
			continue
		}
		one := row{refs: c.refs, head: c.head}
		if c.head != 0 {
			one.place = c.place
			r.supply(uint32(n), &one)
		}
		r.put(uint32(n), r.named(&one, c.email))
		r.byEmail.Add(r.emailKeyOf(uint32(n)), uint32(n), r.emailKeyOf)
	}
}

// loadProfiles keeps the profiles' handles: what is kept of a contact says whose fields it was sent.
func (r *Roster) loadProfiles(in *wire.Reader, contacts []loaded) {
	n := uint32(in.Count())
	if n > 0 {
		r.profiles.Grow(n - 1)
	}
	r.byID.Reserve(int(n), r.keyOf)
	var row profile
	for p := uint32(1); p < n && in.Err() == nil; p++ {
		id := in.Bytes()
		if id == nil {
			continue
		}
		r.open(p, &row)
		r.id, row.uuid = packID(r.id[:0], id)
		row.key = r.id
		r.loadProfile(in, &row, contacts)
		r.store(&row)
		r.byID.Add(row.key, p, r.keyOf)
	}
	r.profiles.SetFree(dense.ReadFree(in.Count, in.Uint))
}

func (r *Roster) loadProfile(in *wire.Reader, row *profile, contacts []loaded) {
	row.departed = uint32(in.Uint())
	holds := uint32(in.Uint())
	refer := func(c uint32) bool {
		if c == 0 || int(c) >= len(contacts) {
			return false
		}
		contacts[c].refs++
		return true
	}
	for flags := in.Uint(); flags != 0 && in.Err() == nil; flags = in.Uint() {
		m := member{flags: uint8(flags - 1), segment: uint16(in.Uint()), sequence: in.Uint()}
		named := uint32(in.Uint())
		if hash := in.Fixed(); m.flags&memberCarries != 0 {
			m.hash = hash
		}
		if int(m.segment) < len(r.segments) && refer(named) {
			m.contact = named
		}
		row.members = append(row.members, m)
	}
	for c := uint32(in.Uint()); c != 0 && in.Err() == nil && refer(c); c = uint32(in.Uint()) {
		row.past = append(row.past, c)
	}
	if holds == 0 || int(holds) >= len(contacts) {
		return
	}
	held := &contacts[holds]
	row.holds, row.next = holds, held.head
	if held.head != 0 {
		r.edit(held.head, func(other *profile) { other.prev = row.number })
	}
	held.head = row.number
}
