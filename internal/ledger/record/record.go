package record

import (
	"encoding/json"

	"rollcall/internal/contact"
	"rollcall/internal/wire"
)

// Binding is what a ledger is bound to. Another target is refused; other segments or mapping start a
// back-fill.
type Binding struct {
	BaseURL       string   `json:"base_url"`
	OnBehalfOf    string   `json:"on_behalf_of,omitempty"`
	List          string   `json:"list"`
	Stream        string   `json:"stream"`
	StreamCreated int64    `json:"stream_created"` // unix nanoseconds
	Segments      []string `json:"segments"`
	Mapping       string   `json:"mapping"` // its canonical form
	Normalisation int      `json:"normalisation"`
}

// Claim is the entry by which a replica becomes active.
type Claim struct {
	Epoch      uint64   `json:"epoch"`
	Replica    string   `json:"replica"`
	ConfigHash string   `json:"config_hash"`
	Revision   int      `json:"revision"`
	At         int64    `json:"at"`     // unix nanoseconds
	Until      int64    `json:"until"`  // the predecessor's unanswered requests are in doubt until then
	Fields     []string `json:"fields"` // keys of every field that was ever mapped: their place is their number
	Timing     Timing   `json:"timing"`
	Mapped     uint64   `json:"mapped,omitempty"` // a bit for each of Fields that the mapping has
	Keep       []string `json:"keep,omitempty"`   // segments taken away whose removal is held: they go on counting
	Lost       *Lost    `json:"lost,omitempty"`   // events that the stream dropped before they were folded
	Binding    Binding  `json:"binding"`
}

// Lost is a range of sequences, both ends included.
type Lost struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Timing is what the fold needs of the configuration: recorded, so that the same entries always fold to the
// same state. Nanoseconds.
type Timing struct {
	Quiet   int64 `json:"quiet"`
	MaxWait int64 `json:"max_wait"`
	Guard   int64 `json:"guard"` // the interval that it counts over

	MinRemovals int     `json:"min_removals,omitempty"` // the guard's
	MaxShare    float64 `json:"max_removal_share,omitempty"`
}

func (*Claim) kind() Kind { return KindClaim }

func (c *Claim) append(dst []byte) []byte { return appendJSON(dst, c) }

func readClaim(in *wire.Reader) *Claim {
	c := &Claim{}
	readJSON(in, c)
	return c
}

func appendJSON(dst []byte, v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic("marshal a ledger record: " + err.Error()) // only strings, numbers and slices of them
	}
	return wire.Bytes(dst, body)
}

func readJSON(in *wire.Reader, v any) {
	if json.Unmarshal(in.Bytes(), v) != nil {
		in.Fail()
	}
}

// Commit is folded events and the new cursor.
type Commit struct {
	At     int64  // of the folding, unix nanoseconds; windows count from it
	Cursor uint64 // every event up to it is covered
	Time   int64  // the highest broker time folded so far, unix nanoseconds
	Events uint64 // that the commit covers, those of other segments and stale ones included
	Rows   []byte // encoded by AppendRow
}

func (*Commit) kind() Kind { return KindCommit }

func (c *Commit) append(dst []byte) []byte {
	dst = wire.Uint(wire.Int(dst, c.At), c.Cursor)
	dst = wire.Uint(wire.Int(dst, c.Time), c.Events)
	return append(dst, c.Rows...)
}

func readCommit(in *wire.Reader) *Commit {
	c := &Commit{At: in.Int(), Cursor: in.Uint(), Time: in.Int(), Events: in.Uint()}
	c.Rows = in.Rest()
	return c
}

// Reread is events read again by sequence, for contacts whose fields are no longer in hand.
type Reread struct {
	At   int64
	Rows []byte
}

func (*Reread) kind() Kind { return KindReread }

func (r *Reread) append(dst []byte) []byte { return wire.Bytes(wire.Int(dst, r.At), r.Rows) }

// Intent names a batch before its request: contacts by number, never fields.
type Intent struct {
	Batch     uint64
	Operation contact.Operation
	At        int64
	Tries     int
	Exempt    bool // removals that the guard neither counts nor holds: the old halves of moves
	Handles   []contact.Handle
}

func (*Intent) kind() Kind { return KindIntent }

func (i *Intent) append(dst []byte) []byte {
	dst = append(wire.Uint(dst, i.Batch), byte(i.Operation))
	dst = wire.Bool(wire.Uint(wire.Int(dst, i.At), uint64(i.Tries)), i.Exempt)
	return appendHandles(dst, i.Handles)
}

func readIntent(in *wire.Reader) *Intent {
	i := &Intent{Batch: in.Uint(), Operation: contact.Operation(in.Byte()), At: in.Int(), Tries: int(in.Uint()), Exempt: in.Bool()}
	i.Handles = readHandles(in)
	return i
}

// Accepted is SendGrid's 202.
type Accepted struct {
	Batch uint64
	At    int64
	Job   string
}

func (*Accepted) kind() Kind { return KindAccepted }

func (a *Accepted) append(dst []byte) []byte {
	return wire.String(wire.Int(wire.Uint(dst, a.Batch), a.At), a.Job)
}

// NoEffect is a request that certainly changed nothing. The contacts that were refused are parked, the
// others are due again.
type NoEffect struct {
	Batch   uint64
	At      int64
	Due     int64            // of those that were not refused
	Only    []contact.Handle // that it concerns; empty is the whole batch
	Refused []Refusal
}

// Refusal is one contact that SendGrid would not have, and why. The reason holds no address.
type Refusal struct {
	Handle contact.Handle
	Reason string
}

func (*NoEffect) kind() Kind { return KindNoEffect }

func (n *NoEffect) append(dst []byte) []byte {
	dst = wire.Int(wire.Int(wire.Uint(dst, n.Batch), n.At), n.Due)
	dst = wire.Uint(appendHandles(dst, n.Only), uint64(len(n.Refused)))
	for _, r := range n.Refused {
		dst = wire.String(wire.Uint(dst, uint64(r.Handle)), r.Reason)
	}
	return dst
}

func readNoEffect(in *wire.Reader) *NoEffect {
	n := &NoEffect{Batch: in.Uint(), At: in.Int(), Due: in.Int(), Only: readHandles(in)}
	for range in.Count() {
		n.Refused = append(n.Refused, Refusal{contact.Handle(in.Uint()), in.String()})
	}
	return n
}

// Doubt is a request that got no answer.
type Doubt struct {
	Batch uint64
	Until int64
}

func (*Doubt) kind() Kind { return KindDoubt }

func (d *Doubt) append(dst []byte) []byte { return wire.Int(wire.Uint(dst, d.Batch), d.Until) }

// Finding is how one contact of a batch stands once it is settled.
type Finding uint8

// The findings.
const (
	Applied  Finding = iota + 1 // as asked
	Rejected                    // the job would not have it: as it was before, refused
	OnList                      // found on the list, with fields that nobody confirmed
	OffList                     // found not to be on the list
)

// Settled ends contacts of a batch: all of them at the finding All, but for the exceptions; or, where
// All is zero, the exceptions alone.
type Settled struct {
	Batch      uint64
	At         int64
	All        Finding
	Exceptions []Exception
}

// Exception is one contact's own finding.
type Exception struct {
	Handle  contact.Handle
	Finding Finding
	Reason  string // SendGrid's, where it was rejected
}

func (*Settled) kind() Kind { return KindSettled }

func (s *Settled) append(dst []byte) []byte {
	dst = append(wire.Int(wire.Uint(dst, s.Batch), s.At), byte(s.All))
	dst = wire.Uint(dst, uint64(len(s.Exceptions)))
	for _, e := range s.Exceptions {
		dst = wire.String(append(wire.Uint(dst, uint64(e.Handle)), byte(e.Finding)), e.Reason)
	}
	return dst
}

func readSettled(in *wire.Reader) *Settled {
	s := &Settled{Batch: in.Uint(), At: in.Int(), All: Finding(in.Byte())}
	for range in.Count() {
		s.Exceptions = append(s.Exceptions, Exception{contact.Handle(in.Uint()), Finding(in.Byte()), in.String()})
	}
	return s
}

// Wait lets contacts wait for a slot.
type Wait struct{ Handles []contact.Handle }

func (*Wait) kind() Kind { return KindWait }

func (w *Wait) append(dst []byte) []byte { return appendHandles(dst, w.Handles) }

// Hold stops removals until an operator approves them.
type Hold struct {
	At      int64
	Handles []contact.Handle
}

func (*Hold) kind() Kind { return KindHold }

func (h *Hold) append(dst []byte) []byte { return appendHandles(wire.Int(dst, h.At), h.Handles) }

// Absent ends removals that needed no request: look-ups say that the contacts are not on the list.
type Absent struct {
	At      int64
	Handles []contact.Handle
}

func (*Absent) kind() Kind { return KindAbsent }

func (a *Absent) append(dst []byte) []byte { return appendHandles(wire.Int(dst, a.At), a.Handles) }

func appendHandles(dst []byte, handles []contact.Handle) []byte {
	dst = wire.Uint(dst, uint64(len(handles)))
	var last int64
	for _, h := range handles {
		dst = wire.Int(dst, int64(h)-last)
		last = int64(h)
	}
	return dst
}

func readHandles(in *wire.Reader) []contact.Handle {
	n := in.Count()
	handles := make([]contact.Handle, 0, n)
	var last int64
	for range n {
		last += in.Int()
		handles = append(handles, contact.Handle(last))
	}
	return handles
}
