package model

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
)

// stream is a keyed event stream in memory: one event a subject. It remembers every event, also what was
// replaced.
type stream struct {
	mu      sync.Mutex
	held    []broker.Message // what the stream holds, in order
	all     []broker.Message
	events  []Event
	created time.Time
	woken   chan struct{} // closed by the next event
}

func newStream() *stream { return &stream{created: time.Now(), woken: make(chan struct{})} }

func (s *stream) last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.all))
}

func (s *stream) next() uint64 { return s.last() + 1 }

// publish puts an event on the stream and returns its sequence.
func (s *stream) publish(e Event) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Seq = uint64(len(s.all)) + 1
	envelope := segment.Envelope{ID: fmt.Sprint(e.Seq), Source: "/model"}
	var subject string
	var body []byte
	switch e.Kind {
	case "membership":
		change := segment.Exited
		if e.Entered {
			change = segment.Entered
		}
		var raw []byte
		if e.Attributes != nil {
			raw, _ = json.Marshal(e.Attributes) // strings, numbers, booleans and null always encode
		}
		subject = segment.MembershipSubject(true, e.Segment, e.Profile)
		body = segment.AppendMembership(nil, envelope, e.Segment, e.Profile, change, raw)
	case "refreshed":
		subject = fmt.Sprintf("segments.refreshed.%s.%d", e.Segment, e.First)
		body = segment.AppendRefreshed(nil, envelope, e.Segment, e.First, e.Count)
	case "garbage":
		subject = segment.MembershipSubject(true, e.Segment, e.Profile)
		body = []byte(`{"specversion":"1.0",`)
	case "erased":
		subject = "segments.erased." + string(segment.ProfileKey(nil, []byte(e.Profile)))
		body = segment.AppendErased(nil, envelope, e.Profile, e.Emails)
	}
	s.held = slices.DeleteFunc(s.held, func(o broker.Message) bool { return o.Subject == subject })
	s.store(e, broker.Message{Subject: subject, Body: body})
	return e.Seq
}

// store puts a message behind the last, and wakes who waits. The stream is locked.
func (s *stream) store(e Event, m broker.Message) {
	m.Sequence, m.Time = e.Seq, time.Now()
	s.held = append(s.held, m)
	s.all = append(s.all, m)
	s.events = append(s.events, e)
	close(s.woken)
	s.woken = make(chan struct{})
}

// from returns what the stream holds from a sequence on, and what closes when there is more.
func (s *stream) from(seq uint64) ([]broker.Message, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, _ := slices.BinarySearchFunc(s.held, seq, func(m broker.Message, seq uint64) int { return int(m.Sequence) - int(seq) })
	return slices.Clone(s.held[at:]), s.woken
}

// find returns the next two membership events of a profile below a sequence, as an erasure looks for them.
func (s *stream) find(key string, from, below uint64) broker.Traces {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := broker.Traces{Next: below}
	for _, m := range s.held {
		if m.Sequence < from || m.Sequence >= below || !strings.HasPrefix(m.Subject, "segments.membership.") || !strings.HasSuffix(m.Subject, "."+key) {
			continue
		}
		if t.Events = append(t.Events, m.Sequence); len(t.Events) == 2 {
			t.Next = m.Sequence + 1
			break
		}
	}
	return t
}

// purge takes events off the stream, as an erasure does.
func (s *stream) purge(sequences []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = slices.DeleteFunc(s.held, func(m broker.Message) bool { return slices.Contains(sequences, m.Sequence) })
}

// InspectStream implements pipeline.Stream.
func (s *stream) InspectStream(_ context.Context, name string) (broker.StreamState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := broker.StreamState{Name: name, Keyed: true, Created: s.created, LastSeq: uint64(len(s.all)), FirstSeq: uint64(len(s.all)) + 1, PerSubject: 1}
	if len(s.held) > 0 {
		st.FirstSeq, st.FirstTime, st.LastTime = s.held[0].Sequence, s.held[0].Time, s.held[len(s.held)-1].Time
	}
	st.Messages = uint64(len(s.held))
	return st, nil
}

// SequenceAfter implements pipeline.Stream.
func (s *stream) SequenceAfter(_ context.Context, _ string, t time.Time) (uint64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.held {
		if m.Time.After(t) {
			return m.Sequence, true, nil
		}
	}
	return 0, false, nil
}

// ReadSequences implements pipeline.Stream.
func (s *stream) ReadSequences(_ context.Context, _ string, sequences []uint64) ([]broker.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []broker.Message
	for _, m := range s.held {
		if slices.Contains(sequences, m.Sequence) {
			out = append(out, m)
		}
	}
	return out, nil
}

// published returns every event so far, in order.
func (s *stream) published() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.events)
}

// count is how many events of a kind were published.
func (s *stream) count(kind string) int {
	n := 0
	for _, e := range s.published() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
