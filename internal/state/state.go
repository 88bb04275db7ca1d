package state

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/flight"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
	"rollcall/internal/window"
	"rollcall/internal/wire"
)

// Policy is what a destination's configuration says of timing and limits.
type Policy struct {
	Window  window.Policy
	Guard   plan.Guard
	Cap     int           // zero is none
	Horizon time.Duration // beyond its deadline, how long an unanswered request may still be applied
	Timeout time.Duration // of one request, from before its intent
	Scale   float64       // divides every wait on SendGrid's work; one, but for a simulator
	Keep    time.Duration // how long a profile in no segment is remembered; zero is for ever
}

// Scaled returns a wait on SendGrid's work by the account's clock.
func (p Policy) Scaled(d time.Duration) time.Duration {
	if p.Scale > 1 {
		return time.Duration(float64(d) / p.Scale)
	}
	return d
}

// dirtyRow is what is kept of a contact that differs from what is desired.
type dirtyRow struct {
	Fields  dense.Blob // of the newest version in hand; zero is none
	hash    uint64     // of that version; refusedVersion where the contact is refused
	since   int64      // broker time, unix milliseconds, of the first change not yet applied
	changed int64      // the last change while it was on its way, unix nanoseconds
	moved   bool       // its profile went to another address: the guard lets its removal go
	// An operator approved its removal, which the guard lets go until it has taken effect, or something wants the contact.
	approved bool
}

const (
	exemptMoved = 1 << iota
	exemptApproved
	exemptPassed
)

// exemption is why the guard lets a contact's removal go, as a snapshot holds it.
func (s *State) exemption(h uint32, d dirtyRow) (why byte) {
	if d.moved {
		why |= exemptMoved
	}
	if d.approved {
		why |= exemptApproved
	}
	if s.Passed.Get(h) != nil {
		why |= exemptPassed
	}
	return why
}

// State is one destination's: a fold of its journal. Living and loading change it through Apply alone,
// so that both come to the same (I13).
type State struct {
	Policy  Policy
	Roster  *roster.Roster
	Window  *window.Window
	Book    *plan.Book
	Flight  *flight.Flight
	blobs   dense.Blobs
	Dirty   dirtyRows
	Erasing dense.Sparse[bool] // contacts to be deleted from the account
	// Contacts whose removal the guard let go and counts, however often it is tried, until they are off the list or something
	// wants them back. Each has a dirty row.
	Passed dense.Sparse[struct{}]
	Bulk   bulk // contacts that a re-reading of the stream touched
	Meta   meta

	saltless bool // the snapshot that was read had no salt of its own

	at      int64  // time of the record being applied, unix nanoseconds
	rowTime int64  // broker time of the row being applied, unix milliseconds
	reread  bool   // the row being applied was asked for
	filling bool   // the row being applied is a back-fill's
	live    bool   // the row being applied came behind the cursor
	before  uint64 // the cursor before the commit that is being applied
	// The contacts that events folded after the claim changed; nil once the stream's end as it was then is reached.
	Fresh *dense.Marks
	// The contacts that accepted refreshes swept while events lay ahead of the fold; nil once the fold has passed them.
	Swept    *dense.Marks
	sweeping bool // a refresh is being accepted
	// A held removal is not wanted any more: the others are looked at again once the entry is applied.
	fewerHeld bool
	Recount   bool // what is held whole may have become less: the loop counts it again
	approving bool // what is let go of now was approved
	force     bool // the row being applied is sent whatever SendGrid is believed to have
	Counts    Stats
	// Told of each change that was accepted or applied: the broker's time of the first one, in unix
	// milliseconds, and when, in unix nanoseconds. They may be nil.
	Accepted, Applied func(op contact.Operation, since, at int64)
}

// meta is the part of the state that is small.
type meta struct {
	Cursor      uint64           `json:"cursor"`
	Time        int64            `json:"time"` // highest broker time folded, unix nanoseconds
	Epoch       uint64           `json:"epoch"`
	Claim       record.Claim     `json:"claim"`
	Paused      bool             `json:"paused"`
	Erasures    []Erasure        `json:"erasures,omitempty"`
	Lost        *lost            `json:"lost,omitempty"`
	MappedSince uint64           `json:"mapped_since,omitempty"` // the first batch under the present mapping
	Fill        *fill            `json:"fill,omitempty"`
	Dropping    []uint16         `json:"dropping,omitempty"` // segments taken away whose removal is held
	Commands    []record.Command `json:"commands"`           // the last hundred
	Replay      *record.Replay   `json:"replay,omitempty"`   // the last one
	Tally       *Tally           `json:"tally,omitempty"`    // what came of it so far

	// Contacts that others stand for as soon as what is on its way has ended.
	Merging map[contact.Handle]contact.Handle `json:"merging,omitempty"`

	Salt     []byte `json:"salt,omitempty"`      // of the tombstones: a backup is of no use without it (H35)
	SaltLost bool   `json:"salt_lost,omitempty"` // the tombstones were made with one that nobody has any more
}

// NewState returns the state of an empty journal. salt is the installation's; a snapshot that is read brings its own.
func NewState(p Policy, salt []byte) *State {
	return &State{
		Meta: meta{Salt: salt}, Policy: p, Roster: roster.New(salt), Window: window.New(p.Window),
		Book: plan.NewBook(), Flight: flight.New(),
	}
}

// SegmentNumbers are the numbers that the ledger has for segments, by name; one that it has not seen has none.
func (s *State) SegmentNumbers(names []string) map[string]uint16 {
	numbers := make(map[string]uint16, len(names))
	for _, name := range names {
		if n, known := s.Roster.Segment(name); known {
			numbers[name] = n
		}
	}
	return numbers
}

// PartBytes is about what a contact and its profile take in the largest part of a snapshot.
const PartBytes = 96

// Write writes a snapshot of the state.
func (s *State) Write(w io.Writer) error {
	head, err := json.Marshal(s.Meta)
	if err != nil {
		return fmt.Errorf("encode the state's head: %w", err)
	}
	// One buffer for all parts, about as large as the largest: growing into it would copy it many times.
	scratch := make([]byte, 0, int(s.Roster.Contacts())*PartBytes)
	for _, part := range []struct {
		name string
		body func([]byte) []byte
	}{
		{"meta", func(dst []byte) []byte { return append(dst, head...) }},
		{"roster", s.Roster.Append},
		{"book", s.Book.Append},
		{"flight", s.Flight.Append},
		{"window", s.Window.Append},
		{"dirty", s.appendDirty},
		{"since", s.appendSince},
	} {
		scratch = part.body(scratch[:0])
		if err := wire.Section(w, part.name, scratch); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) appendDirty(dst []byte) []byte {
	dst = wire.Uint(dst, uint64(s.Dirty.Len()))
	s.Dirty.each(func(h uint32, d dirtyRow) {
		dst = wire.Bytes(wire.Uint(dst, uint64(h)), s.blobs.Get(d.Fields))
		dst = wire.Bool(dst, d.Fields != 0)
		dst = append(wire.Int(wire.Int(wire.Fixed(dst, d.hash), d.since), d.changed), s.exemption(h, d))
	})
	dst = appendSet(appendSet(dst, &s.Erasing), &s.Bulk.PendingRelease)
	return s.Bulk.appendMarks(dst)
}

// Read reads a snapshot into an empty state.
func (s *State) Read(r io.Reader) (err error) {
	defer dense.Full(&err)
	return wire.Sections(r, func(name string, body []byte) error {
		var err error
		switch name {
		case "meta":
			err = s.readMeta(body)
		case "roster":
			err = s.Roster.Load(body)
		case "book":
			err = s.Book.Load(body, s.Roster.Place)
		case "flight":
			err = s.Flight.Load(body)
		case "window":
			err = s.Window.Load(body)
		case "dirty":
			err = s.loadDirty(wire.NewReader(body))
		case "since": // not in snapshots of earlier builds: then it is not known
			err = s.loadSince(wire.NewReader(body))
		default:
			err = record.ErrUnknownRecord
		}
		if err != nil {
			return fmt.Errorf("read the snapshot's part %q: %w", name, err)
		}
		return nil
	})
}

func (s *State) loadDirty(in *wire.Reader) error {
	for range in.Count() {
		h := uint32(in.Uint())
		fields := in.Bytes()
		has := in.Bool()
		row := dirtyRow{hash: in.Fixed(), since: in.Int(), changed: in.Int()}
		why := in.Byte()
		row.moved, row.approved = why&exemptMoved != 0, why&exemptApproved != 0
		if in.Err() != nil {
			break
		}
		if has {
			row.Fields = s.blobs.Put(fields)
		}
		*s.Dirty.Put(h) = row
		if why&exemptPassed != 0 {
			s.Passed.Put(h)
		}
		s.shrink(contact.Handle(h))
	}
	for range in.Count() {
		*s.Erasing.Put(uint32(in.Uint())) = true
	}
	s.Bulk.load(in)
	return in.Err()
}

// Fields returns the contact's fields where the version in hand is the desired one.
func (s *State) Fields(h contact.Handle) ([]byte, bool) {
	d := s.Dirty.Rows.Get(uint32(h))
	if d == nil || d.Fields == 0 || d.hash != s.Roster.Hash(h) {
		return nil, false
	}
	return s.blobs.Get(d.Fields), true
}

func (s *State) keep(h contact.Handle, fields []byte, hash uint64) {
	d := s.Dirty.Put(uint32(h))
	if d.Fields != 0 && d.hash == hash {
		return
	}
	s.blobs.Free(d.Fields)
	d.Fields, d.hash = s.blobs.Put(fields), hash
}

// drop lets go of the contact's fields, and of the whole row where the contact is clean.
func (s *State) drop(h contact.Handle, clean bool) {
	if d := s.Dirty.Rows.Get(uint32(h)); d != nil {
		s.blobs.Free(d.Fields)
		d.Fields = 0
	}
	if clean {
		s.Dirty.Remove(uint32(h))
		s.Passed.Remove(uint32(h))
	}
}
