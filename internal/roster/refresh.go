package roster

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"rollcall/internal/contact"
	words "rollcall/internal/segment"
)

// Refresh is a refresh event that has been read and not judged yet.
type Refresh struct {
	Segment  uint16
	First    uint64 // sequence from which every member was published
	Count    uint64
	Sequence uint64 // its own
	Until    uint64 // the stream's end when it was read: judged once the fold is there
	State    RefreshState
}

// RefreshState is how far the judgement of a refresh has come.
type RefreshState uint8

// The states.
const (
	Unjudged RefreshState = iota
	HeldBack              // its sweep is above the guard: an operator has to approve it
	Approved              // and has done so
	Rebased               // no event: the end of a new stream, judged as if it ended a full publication
)

type seenKey struct {
	segment uint16
	key     uint64
}

// Pend keeps a refresh until it can be judged. One at or below the last one judged changes nothing.
func (r *Roster) Pend(f Refresh) Verdict {
	if r.order(f.Sequence) <= r.judged[f.Segment] {
		return Stale
	}
	for _, g := range r.refreshes {
		if g.Sequence == f.Sequence && g.Segment == f.Segment && g.State != Rebased {
			return Stale
		}
	}
	r.refreshes = append(r.refreshes, f)
	return Folded
}

// Pending returns the refreshes that wait to be judged, oldest first. The roster owns the slice.
func (r *Roster) Pending() []Refresh { return r.refreshes }

// Seen notes that the segment and profile of a dead letter could be read: it changes no membership,
// and counts towards a refresh all the same.
func (r *Roster) Seen(seg uint16, profileKey []byte, sequence uint64) {
	key := seenKey{seg, xxhash.Sum64(profileKey)}
	r.seen[key] = max(r.seen[key], r.order(sequence))
}

// Count returns how many distinct profiles of the segment have an event at or after first, erased
// ones included. A profile whose latest event could not be read counts once.
func (r *Roster) Count(seg uint16, first uint64) uint64 {
	first = r.order(first)
	seen := r.unread(seg, first)
	n := uint64(len(seen))
	erased := func(p uint32) bool { // counted below
		return len(r.tombstones) > 0 && r.tombstones[r.tomb(r.plainID(p))] >= first
	}
	var row profile
	for p := uint32(1); p < r.profiles.Len(); p++ {
		r.open(p, &row)
		for i := range row.members {
			m := &row.members[i]
			if m.segment == seg && m.sequence >= first && m.flags&memberSwept == 0 &&
				!r.wasSeen(seen, p) && !erased(p) {
				n++
			}
		}
	}
	for _, sequence := range r.tombstones {
		if sequence >= first {
			n++
		}
	}
	return n
}

// plainID returns the profile's id; the bytes are valid until the next one is asked for.
func (r *Roster) plainID(p uint32) []byte {
	r.id = r.idOf(r.id[:0], p)
	return r.id
}

// unread returns the subject keys whose event at or after first could not be read: their profiles were seen all the same.
func (r *Roster) unread(seg uint16, first uint64) map[uint64]bool {
	seen := map[uint64]bool{}
	for k, sequence := range r.seen {
		if k.segment == seg && sequence >= first {
			seen[k.key] = true
		}
	}
	return seen
}

// wasSeen reports whether the profile is one of those whose event could not be read.
func (r *Roster) wasSeen(unread map[uint64]bool, p uint32) bool {
	return len(unread) > 0 && unread[r.keyHash(r.plainID(p))]
}

// keyHash is the hash of the subject key of a profile.
func (r *Roster) keyHash(id []byte) uint64 {
	r.scratch = words.ProfileKey(r.scratch[:0], id)
	return xxhash.Sum64(r.scratch)
}

// leaving returns how many of the contacts that on reports nothing would select any more once every
// membership that gone reports had ended.
func (r *Roster) leaving(gone func(p uint32, m *member) bool, on func(contact.Handle) bool) int {
	lost := map[uint32]int{} // holders that a contact would lose
	var row profile
	for p := uint32(1); p < r.profiles.Len(); p++ {
		if !r.open(p, &row) || row.holds == 0 || !on(contact.Handle(row.holds)) {
			continue
		}
		stays := false
		for i := range row.members {
			m := &row.members[i]
			stays = stays || r.in(m) && !gone(p, m)
		}
		if !stays {
			lost[row.holds]++
		}
	}
	n := 0
	for c, holders := range lost {
		one, _ := r.row(c)
		held := 0
		for p := one.head; p != 0; p = row.next {
			r.open(p, &row)
			held++
		}
		if held == holders {
			n++
		}
	}
	return n
}

// Sweeps returns how many of the contacts that on reports a refresh would let go of.
func (r *Roster) Sweeps(f Refresh, on func(contact.Handle) bool) int {
	first := r.order(f.First)
	seen := r.unread(f.Segment, first)
	return r.leaving(func(p uint32, m *member) bool {
		return m.segment == f.Segment && m.sequence < first && !r.wasSeen(seen, p)
	}, on)
}

// Drops returns how many of the contacts that on reports would go with these segments.
func (r *Roster) Drops(segments []uint16, on func(contact.Handle) bool) int {
	return r.leaving(func(_ uint32, m *member) bool { return slices.Contains(segments, m.segment) }, on)
}

// Mark notes how far the judgement of a pending refresh has come.
func (r *Roster) Mark(seg uint16, sequence uint64, state RefreshState) {
	if i := r.pending(seg, sequence); i >= 0 {
		r.refreshes[i].State = state
	}
}

func (r *Roster) pending(seg uint16, sequence uint64) int {
	return slices.IndexFunc(r.refreshes, func(f Refresh) bool { return f.Segment == seg && f.Sequence == sequence })
}

// Judge ends a pending refresh: accepted, it lets go of every member last seen before its first
// sequence, each at the sequence of the refresh; refused, it changes nothing. A member whose row could not be
// read was seen, and stays as it was.
func (r *Roster) Judge(seg uint16, sequence uint64, accepted bool, touch Touch) {
	at := r.pending(seg, sequence)
	if at < 0 {
		return
	}
	f := r.refreshes[at]
	r.refreshes = slices.Delete(r.refreshes, at, at+1)
	own, first := r.order(f.Sequence), r.order(f.First)
	r.judged[f.Segment] = max(r.judged[f.Segment], own)
	if !accepted {
		return
	}
	r.segments[f.Segment].published = max(r.segments[f.Segment].published, first)
	// A newer refresh of the segment replaces one that is held.
	r.refreshes = slices.DeleteFunc(r.refreshes, func(g Refresh) bool {
		return g.Segment == f.Segment && g.Sequence < f.Sequence && g.State != Unjudged
	})
	seen := r.unread(f.Segment, first)
	var row profile
	for p := uint32(1); p < r.profiles.Len(); p++ {
		r.open(p, &row)
		for i := range row.members {
			m := &row.members[i]
			if m.segment != f.Segment || m.sequence >= first || m.flags&memberIn == 0 || r.wasSeen(seen, p) {
				continue
			}
			m.sequence, m.flags = own, memberSwept
			r.name(m, 0)
			r.settle(&row, Row{Sequence: own}, touch)
			break // a profile has one membership in a segment
		}
	}
	for k, seenAt := range r.seen {
		if k.segment == f.Segment && seenAt < first {
			delete(r.seen, k)
		}
	}
}

// Drop forgets every membership of a segment that was taken away, so that adding it again brings its
// members back.
func (r *Roster) Drop(seg uint16, sequence uint64, touch Touch) {
	var row profile
	for p := uint32(1); p < r.profiles.Len(); p++ {
		r.open(p, &row)
		i := slices.IndexFunc(row.members, func(m member) bool { return m.segment == seg })
		if i < 0 {
			continue
		}
		r.name(&row.members[i], 0)
		row.members = slices.Delete(row.members, i, i+1)
		r.settle(&row, Row{Sequence: r.order(sequence)}, touch)
	}
	delete(r.judged, seg)
	r.segments[seg].published = 0
}

// Published calls visit with each segment whose refresh was accepted and the first sequence of the last one, which is zero if
// that was of a stream before.
func (r *Roster) Published(visit func(segment string, first uint64)) {
	for _, s := range r.segments {
		if s.published > 0 {
			visit(s.name, r.sequenceOf(s.published))
		}
	}
}
