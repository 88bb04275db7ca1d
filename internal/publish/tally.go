package publish

import "sync"

// Progress is how far a publication has come.
type Progress struct {
	Rows  uint64 // taken
	Acked uint64 // stored, as the broker said
}

// Summary is what came of a publication.
type Summary struct {
	Progress
	First, Last uint64 // the lowest and the highest sequence of what is stored; 0 where nothing is
	Retries     uint64 // tries after the first, of a batch or a single event
	Duplicates  uint64 // events that an earlier try of ours had stored without our hearing of it
	Renewed     uint64 // events that had to be published anew under another id

	RefreshedSequence uint64 // of a refresh: where its end stands
	FirstSequence     uint64 // of a refresh: what its end named
	Count             uint64 // of a refresh: its distinct profiles
}

// tally counts what comes of a publication. It is safe for concurrent use.
type tally struct {
	observe func(Progress)

	mu     sync.Mutex
	sum    Summary
	known  uint64 // a sequence that the stream had reached
	lowest uint64 // acknowledged since the last mark
}

func (t *tally) took() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Rows++
}

func (t *tally) retried() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Retries++
}

func (t *tally) renewed(events int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Renewed += uint64(events)
}

// acknowledged counts a stored unit whose last event has the sequence.
func (t *tally) acknowledged(u *unit, last uint64, duplicates int) {
	n := uint64(len(u.events))
	t.add(span{first: last - n + 1, last: last, events: n, duplicates: uint64(duplicates)})
}

// stored counts one stored event.
func (t *tally) stored(got receipt) {
	one := span{first: got.last, last: got.last, events: 1}
	if got.duplicate {
		one.duplicates = 1
	}
	t.add(one)
}

// span is where stored events stand.
type span struct{ first, last, events, duplicates uint64 }

func (t *tally) add(s span) {
	first, last := s.first, s.last
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Acked += s.events
	t.sum.Duplicates += s.duplicates
	t.known = max(t.known, last)
	t.sum.Last = max(t.sum.Last, last)
	for _, lowest := range []*uint64{&t.sum.First, &t.lowest} {
		if *lowest == 0 || first < *lowest {
			*lowest = first
		}
	}
	if t.observe != nil {
		t.observe(t.sum.Progress)
	}
}

// reached is a sequence that the stream has reached for sure.
func (t *tally) reached() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known
}

// mark begins the search for the lowest sequence anew, and returns the one since the last mark, 0 where nothing was stored.
func (t *tally) mark() (lowest uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lowest, t.lowest = t.lowest, 0
	return lowest
}

func (t *tally) summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sum
}
