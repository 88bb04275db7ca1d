package roster

// generationShift lets one number order events by generation and sequence: a stream that was made again counts from
// one, and its events are newer than all of the stream before (I3). A stream holds up to 2^48 events.
const generationShift = 48

// order is an event's place among all events of all generations.
func (r *Roster) order(sequence uint64) uint64 {
	return uint64(r.generation)<<generationShift | sequence
}

// sequenceOf is the sequence in the present stream; zero is an event of a stream before, which can't be read again.
func (r *Roster) sequenceOf(order uint64) uint64 {
	if order>>generationShift != uint64(r.generation) {
		return 0
	}
	return order & (1<<generationShift - 1)
}

// Rebase begins a new generation: the event stream was made again, or another one took its place. end is its last
// sequence now. It is read from its first event like a refresh of every selected segment: who is not in it leaves.
// Tombstones hold against every event up to its end.
func (r *Roster) Rebase(end uint64) {
	r.generation++
	r.refreshes = nil
	clear(r.judged)
	clear(r.seen)
	for key := range r.tombstones {
		r.tombstones[key] = r.order(end)
	}
	for n := range r.segments {
		if r.segments[n].selected {
			r.refreshes = append(r.refreshes, Refresh{Segment: uint16(n), First: 1, Sequence: max(end, 1), Until: end, State: Rebased})
		}
	}
}

// Generation is how often the stream was replaced.
func (r *Roster) Generation() uint16 { return r.generation }
