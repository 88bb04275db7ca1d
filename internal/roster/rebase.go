package roster

// Rebase makes everything that was folded older than any event of a new stream: every membership, place and
// source takes sequence zero. A tombstone holds against every event up to the new stream's end as it was,
// last; refreshes that were not judged belong to the old stream and are forgotten.
func (r *Roster) Rebase(last uint64) {
	for i := uint32(1); i < r.members.Len(); i++ {
		r.members.At(i).sequence = 0
	}
	for c := uint32(1); c < r.contacts.Len(); c++ {
		row := r.contacts.At(c)
		row.place, row.sequence = 0, 0
	}
	for k := range r.tombstones {
		r.tombstones[k] = last
	}
	r.refreshes = nil
	clear(r.judged)
	clear(r.seen)
}
