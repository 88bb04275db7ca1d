package record

import (
	"rollcall/internal/contact"
	"rollcall/internal/wire"
)

// The records of this file are what operators' commands do besides being noted; the numbers of their
// kinds start at 40.

// Retry makes refused contacts due again.
type Retry struct {
	At      int64
	Handles []contact.Handle
}

func (*Retry) kind() Kind { return KindRetry }

func (r *Retry) append(dst []byte) []byte { return appendHandles(wire.Int(dst, r.At), r.Handles) }

// Stand is how contacts were found to stand by a look at the whole list: on it, with fields that nobody
// confirmed, or not on it. Adopted ones were never put there by Rollcall; they are named by their e-mails.
type Stand struct {
	At       int64
	Listed   []contact.Handle
	Unlisted []contact.Handle
	Adopted  [][]byte
}

func (*Stand) kind() Kind { return KindStand }

func (s *Stand) append(dst []byte) []byte {
	dst = appendHandles(appendHandles(wire.Int(dst, s.At), s.Listed), s.Unlisted)
	dst = wire.Uint(dst, uint64(len(s.Adopted)))
	for _, e := range s.Adopted {
		dst = wire.Bytes(dst, e)
	}
	return dst
}

func readStand(in *wire.Reader) *Stand {
	s := &Stand{At: in.Int(), Listed: readHandles(in), Unlisted: readHandles(in)}
	for range in.Count() {
		s.Adopted = append(s.Adopted, in.Bytes())
	}
	return s
}

// Rebase starts a new generation: the event stream was made anew. What older events said counts as older
// than anything on the new stream, which is read from its first event.
type Rebase struct {
	At            int64  `json:"at"`
	Stream        string `json:"stream"`
	StreamCreated int64  `json:"stream_created"` // unix nanoseconds
	Last          uint64 `json:"last"`           // sequence of the new stream's end as it was
}

func (*Rebase) kind() Kind { return KindRebase }

func (r *Rebase) append(dst []byte) []byte { return appendJSON(dst, r) }

func readRebase(in *wire.Reader) *Rebase {
	r := &Rebase{}
	readJSON(in, r)
	return r
}

// Replay is how far a re-reading of the stream has come. A new one, or one that has ended, replaces the
// one before.
type Replay struct {
	ID       string  `json:"id"`
	Started  int64   `json:"started"`
	At       int64   `json:"at"` // of this part
	From     uint64  `json:"from"`
	To       uint64  `json:"to"`                // the cursor when it started
	Planned  uint64  `json:"planned,omitempty"` // the cursor when it was planned; zero is To
	Until    uint64  `json:"until,omitempty"`   // profiles with an event up to it are chosen; zero is all
	Segment  string  `json:"segment,omitempty"`
	Profile  []byte  `json:"profile,omitempty"`
	Force    bool    `json:"force,omitempty"`
	Share    float64 `json:"share,omitempty"`   // of the rate budget
	Position uint64  `json:"position"`          // events up to it are folded
	Folded   uint64  `json:"folded"`            // events that the filters choose, read so far
	Touched  uint64  `json:"touched"`           // contacts that it let become due
	Release  int     `json:"release,omitempty"` // as earlier builds wrote it: contacts that become due with this record
	State    string  `json:"state"`             // running (reading), sending, done, cancelled; told: the receipt of a cancelled one is stored
	Told     bool    `json:"told,omitempty"`    // in the state alone: such a record came

	Superseded uint64 `json:"superseded,omitempty"` // of Folded: overtaken before it started
	Overtaken  uint64 `json:"overtaken,omitempty"`  // of Folded: overtaken by live changes since
	Later      uint64 `json:"later,omitempty"`      // events that came between the plan and the start; not of Folded
}

func (*Replay) kind() Kind { return KindReplay }

func (r *Replay) append(dst []byte) []byte { return appendJSON(dst, r) }

func readReplay(in *wire.Reader) *Replay {
	r := &Replay{}
	readJSON(in, r)
	return r
}

// Refold is events of a replay, at their own sequences. Forced, they are sent also where SendGrid is
// believed to have them.
type Refold struct {
	At    int64
	Force bool
	Rows  []byte
}

func (*Refold) kind() Kind { return KindRefold }

func (r *Refold) append(dst []byte) []byte {
	return wire.Bytes(wire.Bool(wire.Int(dst, r.At), r.Force), r.Rows)
}

// LetGo lets contacts become due that a re-reading of the stream touched: removals, or a number of them at most.
type LetGo struct {
	At       int64
	Most     int
	Removals bool
}

func (*LetGo) kind() Kind { return KindLetGo }

func (r *LetGo) append(dst []byte) []byte {
	return wire.Bool(wire.Uint(wire.Int(dst, r.At), uint64(r.Most)), r.Removals)
}
