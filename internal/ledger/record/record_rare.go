package record

import (
	"rollcall/internal/contact"
	"rollcall/internal/wire"
)

// The records of this file come seldom: refreshes, back-fills, commands, erasures, what has faded.

// Fill is a part of a back-fill: events up to the cursor that were read again because segments or the mapping
// changed, folded at their own sequences.
type Fill struct {
	At   int64
	Next uint64 // the sequence to go on from
	Done bool   // the reading has reached the cursor that it began at
	Rows []byte // encoded by AppendRow
}

func (*Fill) kind() Kind { return KindFill }

func (f *Fill) append(dst []byte) []byte {
	return wire.Bytes(wire.Bool(wire.Uint(wire.Int(dst, f.At), f.Next), f.Done), f.Rows)
}

// Judge judges a pending refresh. Accepted, the fold applies its rule to every member.
type Judge struct {
	Sequence uint64
	Segment  uint16
	Verdict  Verdict
	At       int64
}

// Verdict is what becomes of a refresh.
type Verdict uint8

// The verdicts.
const (
	RefreshRefused Verdict = iota // too few of its members were seen: it changes nothing
	RefreshAccepted
	RefreshHeld // its sweep is above the guard, and waits whole
)

func (*Judge) kind() Kind { return KindJudge }

func (j *Judge) append(dst []byte) []byte {
	return wire.Int(append(wire.Uint(wire.Uint(dst, j.Sequence), uint64(j.Segment)), byte(j.Verdict)), j.At)
}

// Command is what an operator asked for.
type Command struct {
	Name    string `json:"name"`
	Who     string `json:"who,omitempty"`
	Comment string `json:"comment,omitempty"`
	At      int64  `json:"at"` // unix nanoseconds
	Count   int    `json:"count,omitempty"`
	Digest  string `json:"digest,omitempty"` // of what an approval was shown
	Detail  string `json:"detail,omitempty"` // what was asked for; names nobody
}

func (*Command) kind() Kind { return KindCommand }

func (c *Command) append(dst []byte) []byte { return appendJSON(dst, c) }

func readCommand(in *wire.Reader) *Command {
	c := &Command{}
	readJSON(in, c)
	return c
}

// Forget lets go of the profiles that were in no segment since before a unix second.
type Forget struct{ Before int64 }

func (*Forget) kind() Kind { return KindForget }

func (f *Forget) append(dst []byte) []byte { return wire.Int(dst, f.Before) }

// Stage is how far an erasure has come.
type Stage uint8

// The stages, in their order.
const (
	Deleting   Stage = iota // its contacts are being deleted at SendGrid
	Rechecking              // the account's other destinations look at what the deletion took from them
	Purging                 // dead letters and events are overwritten
	Shredding               // the journal and the snapshots that hold the person are replaced
	Proven                  // the proof is published: nothing is left of it here
)

// Erasure moves the erasure of an `erased` event on to a stage, or notes what came of a step of its stage.
type Erasure struct {
	At       int64
	Sequence uint64 // of the event
	Stage    Stage
	Note     *ErasureNote // nil has nothing to say
}

// ErasureNote is what a step of an erasure found. It names nobody: messages by their sequences.
type ErasureNote struct {
	Letters []uint64 `json:"letters,omitempty"` // dead letters that are overwritten next, and count as such
	Events  []uint64 `json:"events,omitempty"`  // the same of events
	Next    uint64   `json:"next,omitempty"`    // the sequence at which the search for events goes on
	Kept    bool     `json:"kept,omitempty"`    // the event stream lets nobody overwrite an event
	Until   int64    `json:"until,omitempty"`   // when its age limit has dropped those events, unix nanoseconds; zero is never
	Owed    []string `json:"owed,omitempty"`    // destinations that look at the deleted contacts only once they run
}

func (*Erasure) kind() Kind { return KindErasure }

// append writes the note behind what earlier builds read.
func (e *Erasure) append(dst []byte) []byte {
	dst = append(wire.Uint(wire.Int(dst, e.At), e.Sequence), byte(e.Stage))
	if e.Note != nil {
		dst = appendJSON(dst, e.Note)
	}
	return dst
}

func readErasure(in *wire.Reader) *Erasure {
	e := &Erasure{At: in.Int(), Sequence: in.Uint(), Stage: Stage(in.Byte())}
	if in.Len() > 0 {
		e.Note = &ErasureNote{}
		readJSON(in, e.Note)
	}
	return e
}

// Faded says that the events which set these contacts' fields are in the stream no more, nor replaced by a
// newer one: the contacts keep what they have from the same profile, or are sent with their e-mail alone.
type Faded struct {
	At      int64
	Handles []contact.Handle
}

func (*Faded) kind() Kind { return KindFaded }

func (f *Faded) append(dst []byte) []byte { return appendHandles(wire.Int(dst, f.At), f.Handles) }

// Erased ends the deletion of contacts that an erasure asked for.
type Erased struct{ Handles []contact.Handle }

func (*Erased) kind() Kind { return KindErased }

func (e *Erased) append(dst []byte) []byte { return appendHandles(dst, e.Handles) }
