// Package window says when a dirty contact is due: once it has been quiet for a while, or has waited
// long enough since its first change.
//
// It guarantees that no deadline is forgotten and none is early, also across a restart: its times are
// part of the ledger's entries. It is pure (I14); times are unix nanoseconds of the wall clock.
package window

import (
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/wire"
)

// Policy is a destination's debounce: due after Quiet without a change, or MaxWait after the first.
type Policy struct{ Quiet, MaxWait time.Duration }

type entry struct {
	first  int64 // the first change that is not yet planned
	due    int64
	queued bool // a node of the queue stands for it
}

// Window holds the dirty contacts that are neither on their way nor waiting.
type Window struct {
	policy  Policy
	entries dense.Sparse[entry]
	queue   queue // nodes of contacts not offered yet; one that is early is put back when it comes up
}

// New returns an empty window.
func New(p Policy) *Window { return &Window{policy: p} }

// SetPolicy changes the debounce for the changes that follow.
func (w *Window) SetPolicy(p Policy) { w.policy = p }

// Change notes a change of the contact at a time: its quiet period starts again, its first change
// stays.
func (w *Window) Change(now int64, h contact.Handle) {
	e := w.entries.Put(uint32(h))
	if e.first == 0 {
		e.first = now
	}
	w.set(e, h, min(now+int64(w.policy.Quiet), e.first+int64(w.policy.MaxWait)))
}

// set gives the contact a due time, earlier or later than it was.
func (w *Window) set(e *entry, h contact.Handle, due int64) {
	if due < e.due {
		e.queued = false // the node that stands for it is late, and is dropped when it comes up
	}
	e.due = due
	w.enqueue(e, h)
}

// enqueue lets a node stand for the contact, where none does.
func (w *Window) enqueue(e *entry, h contact.Handle) {
	if !e.queued {
		e.queued = true
		w.queue.push(node{e.due, h})
	}
}

// Put makes the contact due at a time, earlier or later than it was.
func (w *Window) Put(now, due int64, h contact.Handle) {
	e := w.entries.Put(uint32(h))
	if e.first == 0 {
		e.first = now
	}
	w.set(e, h, due)
}

// Remove takes the contact out of the window.
func (w *Window) Remove(h contact.Handle) bool { return w.entries.Remove(uint32(h)) }

// Has reports whether the contact is in its window, and until when.
func (w *Window) Has(h contact.Handle) (due int64, ok bool) {
	if e := w.entries.Get(uint32(h)); e != nil {
		return e.due, true
	}
	return 0, false
}

// Len returns the number of contacts in their window.
func (w *Window) Len() int { return w.entries.Len() }

// Next returns when the next contact may be due; ok is false where there is none. It may be early for
// a contact that changed since: Due then finds nothing.
func (w *Window) Next() (due int64, ok bool) {
	w.settle()
	if len(w.queue) == 0 {
		return 0, false
	}
	return w.queue[0].due, true
}

// settle brings the head of the queue in line with its entry.
func (w *Window) settle() {
	for len(w.queue) > 0 {
		head := w.queue[0]
		e := w.entries.Get(uint32(head.h))
		switch {
		case e == nil || !e.queued || e.due < head.due: // gone, offered, or another node stands for it
			w.queue.pop()
		case e.due > head.due:
			w.queue.put(node{e.due, head.h})
		default:
			return
		}
	}
}

// Due offers, earliest first, each contact that is due at now and was not offered since its last change.
// It stays in the window until Remove: whoever takes up the offer keeps the contact in mind, and asks Has
// before acting on it.
func (w *Window) Due(now int64, offer func(contact.Handle)) {
	for {
		w.settle()
		if len(w.queue) == 0 || w.queue[0].due > now {
			return
		}
		h := w.queue.pop().h
		w.entries.Get(uint32(h)).queued = false
		offer(h)
	}
}

// Append appends the window to dst.
func (w *Window) Append(dst []byte) []byte {
	dst = wire.Uint(dst, uint64(w.entries.Len()))
	for _, h := range w.entries.Handles() {
		e := w.entries.Get(h)
		dst = wire.Int(wire.Int(wire.Uint(dst, uint64(h)), e.first), e.due)
	}
	return dst
}

// Load reads what Append wrote into an empty window.
func (w *Window) Load(body []byte) error {
	in := wire.NewReader(body)
	for range in.Count() {
		h := uint32(in.Uint())
		first, due := in.Int(), in.Int()
		if in.Err() == nil {
			e := w.entries.Put(h)
			*e = entry{first: first, due: due}
			w.enqueue(e, contact.Handle(h))
		}
	}
	return in.Err()
}

// Clamp lets no contact be due later than now and the longest wait: the clock may have been set back
// since its due time was written.
func (w *Window) Clamp(now int64) {
	latest := now + int64(w.policy.MaxWait)
	for _, h := range w.entries.Handles() {
		if e := w.entries.Get(h); e.due > latest {
			w.Put(now, latest, contact.Handle(h))
		}
	}
}

// Handles returns the contacts in their window, in no order; the window owns the slice.
func (w *Window) Handles() []uint32 { return w.entries.Handles() }
