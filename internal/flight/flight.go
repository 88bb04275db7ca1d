// Package flight keeps what is on its way to SendGrid or in doubt: the batches, from their intent to
// the end of their job.
//
// It guarantees that a contact is in one batch at most (I4), that a batch without an answer stays in
// doubt until its horizon, and that a new owner takes over every open batch of the one before, the
// unanswered ones in doubt, counted from its own claim. It is pure (I14); times are unix nanoseconds.
package flight

import (
	"fmt"
	"slices"

	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/wire"
)

// State is how far a batch has come.
type State uint8

// The states.
const (
	Intended State = iota + 1 // the intent is committed; its request may be under way
	Accepted                  // SendGrid answered 202
	Doubt                     // no answer came: it may be applied until the horizon
)

// Item is one contact of a batch, with the version of its fields that the batch carries.
type Item struct {
	Handle contact.Handle
	Hash   uint64
	Mask   uint64 // its text fields that have a value
	Source uint64 // sequence of the event that set them; zero where nothing selects the contact
}

// Batch is the contacts of one request.
type Batch struct {
	ID        uint64
	Operation contact.Operation
	State     State
	Items     []Item
	Job       string // SendGrid's, once accepted; empty where its answer named none
	At        int64  // of the intent
	Accepted  int64
	Until     int64  // an unanswered try of its content may be applied until then; zero is no such try
	Exempt    bool   // the guard does not count its removals
	Mapped    uint64 // a bit for each field that its mapping has
	Tries     int    // how often its contacts were planned again after jobs that had ended
}

// Flight holds the open batches of one destination.
type Flight struct {
	batches map[uint64]*Batch
	of      dense.Sparse[uint64]
	next    uint64
	counts  [4]int // contacts by state
}

// New returns an empty flight.
func New() *Flight { return &Flight{batches: map[uint64]*Batch{}, next: 1} }

// Next is the identifier of the next batch.
func (f *Flight) Next() uint64 { return f.next }

// Get returns an open batch, or nil.
func (f *Flight) Get(id uint64) *Batch { return f.batches[id] }

// Of returns the contact's open batch, or nil.
func (f *Flight) Of(h contact.Handle) *Batch {
	if id := f.of.Get(uint32(h)); id != nil {
		return f.batches[*id]
	}
	return nil
}

// Open returns the open batches in the order of their intents.
func (f *Flight) Open() []*Batch {
	all := make([]*Batch, 0, len(f.batches))
	for _, b := range f.batches {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *Batch) int { return int(a.ID) - int(b.ID) })
	return all
}

// Len returns the number of open batches.
func (f *Flight) Len() int { return len(f.batches) }

// Contacts returns how many contacts are in batches of a state.
func (f *Flight) Contacts(s State) int { return f.counts[s] }

// Start opens a batch. Contacts that are in doubt in another batch move into this one, which carries
// that doubt on: the same content is tried again.
func (f *Flight) Start(b *Batch) {
	left := map[*Batch]bool{}
	for _, it := range b.Items {
		if old := f.Of(it.Handle); old != nil {
			b.Until = max(b.Until, old.Until)
			left[old] = true
		}
		*f.of.Put(uint32(it.Handle)) = b.ID
	}
	for old := range left {
		f.prune(old)
	}
	b.State = Intended
	f.batches[b.ID] = b
	f.next = max(f.next, b.ID+1)
	f.counts[Intended] += len(b.Items)
}

// prune lets go of the items that no longer belong to the batch, and of the batch with the last one.
func (f *Flight) prune(b *Batch) {
	f.counts[b.State] -= len(b.Items)
	b.Items = slices.DeleteFunc(b.Items, func(it Item) bool {
		id := f.of.Get(uint32(it.Handle))
		return id == nil || *id != b.ID
	})
	f.counts[b.State] += len(b.Items)
	if len(b.Items) == 0 {
		delete(f.batches, b.ID)
	}
}

// Accept notes SendGrid's 202. An earlier try of the same content that got no answer stays in doubt beside
// it: the batch ends at that horizon, however soon the job does (H1).
func (f *Flight) Accept(id uint64, job string, at int64) {
	if b := f.batches[id]; b != nil {
		f.move(b, Accepted)
		b.Job, b.Accepted = job, at
	}
}

// Unsure puts the batch in doubt until a time.
func (f *Flight) Unsure(id uint64, until int64) {
	if b := f.batches[id]; b != nil {
		f.move(b, Doubt)
		b.Until = max(b.Until, until)
	}
}

func (f *Flight) move(b *Batch, s State) {
	f.counts[b.State] -= len(b.Items)
	b.State = s
	f.counts[s] += len(b.Items)
}

// Leave takes contacts out of a batch and returns those that were in it; the last one ends it.
func (f *Flight) Leave(id uint64, handles []contact.Handle) []Item {
	b := f.batches[id]
	if b == nil {
		return nil
	}
	wanted := make(map[contact.Handle]bool, len(handles))
	for _, h := range handles {
		wanted[h] = true
	}
	var left []Item
	for _, it := range b.Items {
		if wanted[it.Handle] {
			left = append(left, it)
			f.of.Remove(uint32(it.Handle))
		}
	}
	f.prune(b)
	return left
}

// End closes a batch and returns its contacts.
func (f *Flight) End(id uint64) []Item {
	b := f.batches[id]
	if b == nil {
		return nil
	}
	delete(f.batches, id)
	f.counts[b.State] -= len(b.Items)
	for _, it := range b.Items {
		f.of.Remove(uint32(it.Handle))
	}
	return b.Items
}

// Rename lets one contact, which is in no batch, stand for another in its batch, if that is in one.
func (f *Flight) Rename(from, to contact.Handle) {
	b := f.Of(from)
	if b == nil {
		return
	}
	for i := range b.Items {
		if b.Items[i].Handle == from {
			b.Items[i].Handle = to
		}
	}
	f.of.Remove(uint32(from))
	*f.of.Put(uint32(to)) = b.ID
}

// TakeOver puts every intent without an outcome in doubt until a time counted from the claim, which was at a time. A batch that began
// or was accepted later than that was so by a clock that has been set back: its times count from the claim too.
func (f *Flight) TakeOver(at, until int64) {
	for _, b := range f.batches {
		if b.State == Intended {
			f.Unsure(b.ID, until)
		}
		if b.At > at || b.Accepted > at {
			b.At, b.Accepted, b.Until = min(b.At, at), min(b.Accepted, at), min(b.Until, until)
		}
	}
}

// Append appends the open batches to dst.
func (f *Flight) Append(dst []byte) []byte {
	dst = wire.Uint(wire.Uint(dst, f.next), uint64(len(f.batches)))
	for _, b := range f.Open() {
		dst = wire.Uint(dst, b.ID)
		dst = wire.Bool(append(dst, byte(b.Operation), byte(b.State)), b.Exempt)
		dst = wire.String(dst, b.Job)
		dst = wire.Int(wire.Int(wire.Int(dst, b.At), b.Accepted), b.Until)
		dst = wire.Uint(wire.Uint(wire.Uint(dst, b.Mapped), uint64(b.Tries)), uint64(len(b.Items)))
		for _, it := range b.Items {
			dst = wire.Uint(wire.Uint(wire.Fixed(wire.Uint(dst, uint64(it.Handle)), it.Hash), it.Mask), it.Source)
		}
	}
	return dst
}

// Load reads what Append wrote into an empty flight.
func (f *Flight) Load(body []byte) error {
	in := wire.NewReader(body)
	f.next = in.Uint()
	for range in.Count() {
		b := &Batch{ID: in.Uint(), Operation: contact.Operation(in.Byte())}
		state := State(in.Byte())
		b.Exempt = in.Bool()
		b.Job = in.String()
		b.At, b.Accepted, b.Until = in.Int(), in.Int(), in.Int()
		b.Mapped, b.Tries = in.Uint(), int(in.Uint())
		for range in.Count() {
			b.Items = append(b.Items, Item{contact.Handle(in.Uint()), in.Fixed(), in.Uint(), in.Uint()})
		}
		if state < Intended || state > Doubt {
			return fmt.Errorf("read batch %d: state %d: %w", b.ID, state, wire.ErrCut)
		}
		until := b.Until
		f.Start(b)
		f.move(b, state)
		b.Until = until
	}
	return in.Err()
}
