package model

import (
	"github.com/nats-io/nats.go"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
)

// doMarker has the broker leave a delete marker on a membership's subject, as it does where it dropped events by their age, or
// somebody purged some: marker SEGMENT PROFILE [REASON]. It is no event: nobody joins or leaves by it, and it is no letter.
func doMarker(w *world, o Op) error {
	reason := o.arg(2)
	if reason == "" {
		reason = "MaxAge"
	}
	w.stream.mark(o.arg(0), o.arg(1), reason)
	return nil
}

// mark puts a marker on the stream. It replaces nothing: what the broker dropped had been folded long before.
func (s *stream) mark(seg, profile, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := Event{Kind: "marker", Seq: uint64(len(s.all)) + 1, Segment: seg, Profile: profile}
	s.store(e, broker.Message{
		Subject: segment.MembershipSubject(true, seg, profile), Header: nats.Header{"Nats-Marker-Reason": {reason}},
	})
}

// marker is one now and then, of a profile that may be a member.
func (g *generator) marker() {
	g.add("marker %s %s %s", g.segment(), g.profile(), pick(g, "MaxAge", "Purge", "Remove"))
}
