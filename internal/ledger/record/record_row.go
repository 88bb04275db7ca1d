package record

import "rollcall/internal/wire"

// RowKind is what one row of a commit is.
type RowKind uint8

// The kinds of rows.
const (
	RowMembership RowKind = iota
	RowRefreshed          // a refresh to be judged later
	RowErased
	RowSeen // a dead letter whose segment and profile could be read
)

// Row is one folded event.
type Row struct {
	Kind     RowKind
	Entered  bool
	Carries  bool // it had attributes
	Bad      bool // a value of them cannot be sent: the contact is refused at this version
	Segment  uint16
	Sequence uint64
	Time     int64  // the broker's, unix milliseconds
	Profile  []byte // its id; of a RowSeen its subject key
	Email    []byte // normalised; nil where there is no usable one
	Fields   []byte
	First    uint64 // of a refresh
	Count    uint64
	Until    uint64
	Emails   [][]byte // that an erasure names
}

const (
	rowEntered = 1 << (iota + 4)
	rowCarries
	rowBad
)

// AppendRow appends a row to a commit's rows. before is the row ahead of it: sequences and times are
// written as differences.
func AppendRow(dst []byte, before, r *Row) []byte {
	flags := byte(r.Kind)
	if r.Entered {
		flags |= rowEntered
	}
	if r.Carries {
		flags |= rowCarries
	}
	if r.Bad {
		flags |= rowBad
	}
	dst = wire.Int(append(dst, flags), int64(r.Sequence)-int64(before.Sequence))
	dst = wire.Int(dst, r.Time-before.Time)
	dst = wire.Bytes(wire.Uint(dst, uint64(r.Segment)), r.Profile)
	switch r.Kind {
	case RowMembership:
		if r.Carries {
			dst = wire.Bytes(wire.Bytes(dst, r.Email), r.Fields)
		}
	case RowRefreshed:
		dst = wire.Uint(wire.Uint(wire.Uint(dst, r.First), r.Count), r.Until)
	case RowErased:
		dst = wire.Uint(dst, uint64(len(r.Emails)))
		for _, e := range r.Emails {
			dst = wire.Bytes(dst, e)
		}
	case RowSeen:
	}
	return dst
}

// Rows calls visit with each row; the row and its bytes are valid during the call alone.
func Rows(rows []byte, visit func(*Row)) error {
	in := wire.NewReader(rows)
	var r Row
	for in.Len() > 0 {
		flags := in.Byte()
		r = Row{
			Kind: RowKind(flags & 0xf), Entered: flags&rowEntered != 0, Carries: flags&rowCarries != 0,
			Bad:      flags&rowBad != 0,
			Sequence: uint64(int64(r.Sequence) + in.Int()), Time: r.Time + in.Int(),
			Segment: uint16(in.Uint()), Profile: in.Bytes(),
		}
		switch r.Kind {
		case RowMembership:
			if r.Carries {
				r.Email, r.Fields = in.Bytes(), in.Bytes()
			}
		case RowRefreshed:
			r.First, r.Count, r.Until = in.Uint(), in.Uint(), in.Uint()
		case RowErased:
			for range in.Count() {
				r.Emails = append(r.Emails, in.Bytes())
			}
		case RowSeen:
		default:
			return ErrUnknownRecord
		}
		if in.Err() != nil {
			return in.Err()
		}
		visit(&r)
	}
	return in.Err()
}
