package model

import (
	"strings"

	"rollcall/internal/broker"
	"rollcall/internal/ledger/record"
)

// reads notes where the stream ended when a refresh was read for the first time; held is what lay there, handed out first.
func (v *watch) reads(held []broker.Message, handed int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range held[:handed] {
		if _, again := v.ends[m.Sequence]; !again && strings.HasPrefix(m.Subject, "segments.refreshed.") {
			v.ends[m.Sequence] = held[len(held)-1].Sequence
		}
	}
}

// judged checks that a refresh is judged once every event of its segment is folded that lay there when it was read: a sweep
// would let go of members that were published (H5).
func (v *watch) judged(r *record.Judge) {
	unread, _ := v.w.stream.from(v.cursor + 1)
	events := v.w.stream.published()
	for _, m := range unread {
		e := events[m.Sequence-1]
		if m.Sequence <= v.ends[r.Sequence] && e.Kind == "membership" && e.Segment == events[r.Sequence-1].Segment {
			v.w.fail("H5: refresh %d is judged at %d, and %d, which lay there when it was read, is not folded", r.Sequence, v.cursor, m.Sequence)
		}
	}
}
