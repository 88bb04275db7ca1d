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
		c := r.contacts.At(h)
		dst = wire.Bytes(dst, r.text.Get(c.email))
		if c.email != 0 {
			dst = wire.Uint(dst, c.place)
		}
	}
	return dense.AppendFree(dst, r.contacts.FreeList())
}

func (r *Roster) appendProfiles(dst []byte) []byte {
	dst = wire.Uint(dst, uint64(r.profiles.Len()))
	for p := uint32(1); p < r.profiles.Len(); p++ {
		row := r.profiles.At(p)
		dst = wire.Bytes(dst, r.text.Get(row.id))
		if row.id == 0 {
			continue
		}
		dst = wire.Uint(dst, uint64(row.departed))
		dst = wire.Uint(dst, uint64(row.holds))
		for i := row.members; i != 0; i = r.members.At(i).next {
			m := r.members.At(i)
			dst = wire.Uint(append(dst, m.flags+1), uint64(m.segment))
			dst = wire.Uint(wire.Uint(dst, m.sequence), uint64(m.contact))
			dst = wire.Fixed(dst, m.hash)
		}
		dst = append(dst, 0)
		for i := row.past; i != 0; i = r.past.At(i).next {
			dst = wire.Uint(dst, uint64(r.past.At(i).contact))
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
	r.loadContacts(in)
	r.loadProfiles(in)
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
	if err := in.Err(); err != nil {
		return fmt.Errorf("read the roster: %w", err)
	}
	for c := uint32(1); c < r.contacts.Len(); c++ {
		if r.contacts.At(c).head != 0 {
			r.source(c)
		}
	}
	return nil
}

func (r *Roster) loadContacts(in *wire.Reader) {
	n := uint32(in.Count())
	for h := uint32(1); h < n && in.Err() == nil; h++ {
		c := r.contacts.Grow(h)
		if email := in.Bytes(); email != nil {
			c.email = r.text.Put(email)
			c.place = in.Uint()
			r.byEmail.Add(email, h)
		}
	}
	r.contacts.SetFree(dense.ReadFree(in.Count, in.Uint))
}

// loadProfiles keeps the profiles' handles: what is kept of a contact says whose fields it was sent.
func (r *Roster) loadProfiles(in *wire.Reader) {
	n := uint32(in.Count())
	for p := uint32(1); p < n && in.Err() == nil; p++ {
		row := r.profiles.Grow(p)
		if id := in.Bytes(); id != nil {
			row.id = r.text.Put(id)
			r.byID.Add(id, p)
			r.loadProfile(in, p)
		}
	}
	r.profiles.SetFree(dense.ReadFree(in.Count, in.Uint))
}

func (r *Roster) loadProfile(in *wire.Reader, p uint32) {
	row := r.profiles.At(p)
	row.departed = uint32(in.Uint())
	holds := uint32(in.Uint())
	link := &row.members
	for flags := in.Uint(); flags != 0 && in.Err() == nil; flags = in.Uint() {
		i := r.members.Add()
		m := r.members.At(i)
		m.flags, m.segment = uint8(flags-1), uint16(in.Uint())
		m.sequence = in.Uint()
		named := uint32(in.Uint())
		m.hash = in.Fixed()
		if int(m.segment) < len(r.segments) && named < max(r.contacts.Len(), 1) {
			r.name(m, named)
		}
		*link = i
		link = &m.next
	}
	link = &row.past
	for c := uint32(in.Uint()); c != 0 && in.Err() == nil && c < r.contacts.Len(); c = uint32(in.Uint()) {
		i := r.past.Add()
		*r.past.At(i) = address{contact: c}
		r.contacts.At(c).refs++
		*link = i
		link = &r.past.At(i).next
	}
	if holds != 0 && holds < r.contacts.Len() {
		r.link(p, holds)
	}
}
