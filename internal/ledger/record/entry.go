package record

import (
	"errors"
	"fmt"

	"rollcall/internal/wire"
)

// EntryFormat is the form of entries that this build writes. It reads this one and all before it.
const EntryFormat = 1

// ErrUnknownRecord reports an entry that a newer build wrote. Nothing of it may be passed over.
var ErrUnknownRecord = errors.New("the ledger holds a kind of record that this build does not know: run the build that wrote it, or a newer one")

// Kind numbers the kinds of records. A number is never used again for something else.
type Kind uint8

// The kinds of records.
const (
	KindClaim    Kind = 1
	KindCommit   Kind = 2
	KindReread   Kind = 3
	KindIntent   Kind = 4
	KindAccepted Kind = 5
	KindNoEffect Kind = 6
	KindDoubt    Kind = 7
	KindSettled  Kind = 8
	KindWait     Kind = 9
	KindHold     Kind = 10
	KindAbsent   Kind = 11
	KindJudge    Kind = 12
	KindCommand  Kind = 13
	KindForget   Kind = 14
	KindErased   Kind = 15
	KindFill     Kind = 20
	KindErasure  Kind = 21
	KindFaded    Kind = 22

	KindRetry  Kind = 40 // 40 and above: what operators' commands do
	KindStand  Kind = 41
	KindRebase Kind = 42
	KindReplay Kind = 43
	KindRefold Kind = 44
	KindLetGo  Kind = 45
)

// Record is one change of a destination's state. Several make an entry, which is committed whole.
type Record interface {
	kind() Kind
	append(dst []byte) []byte
}

// NewEntry starts an entry.
func NewEntry(dst []byte) []byte { return append(dst, EntryFormat) }

// AppendRecord adds a record to an entry.
func AppendRecord(entry []byte, rec Record) []byte {
	entry = append(entry, byte(rec.kind()))
	at := len(entry)
	entry = append(entry, 0, 0, 0, 0) // the length, filled in below
	entry = rec.append(entry)
	n := len(entry) - at - 4
	entry[at], entry[at+1], entry[at+2], entry[at+3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	return entry
}

// Records calls visit with each record of an entry, in order. Byte slices in records alias the entry.
func Records(entry []byte, visit func(Record) error) error {
	if len(entry) == 0 || entry[0] != EntryFormat {
		return ErrUnknownRecord
	}
	for rest := entry[1:]; len(rest) > 0; {
		if len(rest) < 5 {
			return wire.ErrCut
		}
		n := int(rest[1]) | int(rest[2])<<8 | int(rest[3])<<16 | int(rest[4])<<24
		if n > len(rest)-5 {
			return wire.ErrCut
		}
		rec, err := decode(Kind(rest[0]), rest[5:5+n])
		if err != nil {
			return err
		}
		if err := visit(rec); err != nil {
			return err
		}
		rest = rest[5+n:]
	}
	return nil
}

func decode(kind Kind, body []byte) (Record, error) {
	in := wire.NewReader(body)
	var rec Record
	switch kind {
	case KindClaim:
		rec = readClaim(in)
	case KindCommit:
		rec = readCommit(in)
	case KindReread:
		rec = &Reread{At: in.Int(), Rows: in.Bytes()}
	case KindIntent:
		rec = readIntent(in)
	case KindAccepted:
		rec = &Accepted{Batch: in.Uint(), At: in.Int(), Job: in.String()}
	case KindNoEffect:
		rec = readNoEffect(in)
	case KindDoubt:
		rec = &Doubt{Batch: in.Uint(), Until: in.Int()}
	case KindSettled:
		rec = readSettled(in)
	case KindWait:
		rec = &Wait{Handles: readHandles(in)}
	case KindHold:
		rec = &Hold{At: in.Int(), Handles: readHandles(in)}
	case KindAbsent:
		rec = &Absent{At: in.Int(), Handles: readHandles(in)}
	case KindJudge:
		rec = &Judge{Sequence: in.Uint(), Segment: uint16(in.Uint()), Verdict: Verdict(in.Byte()), At: in.Int()}
	case KindCommand:
		rec = readCommand(in)
	case KindForget:
		rec = &Forget{Before: in.Int()}
	case KindFill:
		rec = &Fill{At: in.Int(), Next: in.Uint(), Done: in.Bool(), Rows: in.Bytes()}
	case KindErasure:
		rec = readErasure(in)
	case KindFaded:
		rec = &Faded{At: in.Int(), Handles: readHandles(in)}
	case KindErased:
		rec = &Erased{Handles: readHandles(in)}
	case KindRetry:
		rec = &Retry{At: in.Int(), Handles: readHandles(in)}
	case KindStand:
		rec = readStand(in)
	case KindRebase:
		rec = readRebase(in)
	case KindReplay:
		rec = readReplay(in)
	case KindLetGo:
		rec = &LetGo{At: in.Int(), Most: int(in.Uint()), Removals: in.Bool()}
	case KindRefold:
		rec = &Refold{At: in.Int(), Force: in.Bool(), Rows: in.Bytes()}
	default:
		return nil, fmt.Errorf("%w (kind %d)", ErrUnknownRecord, kind)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read a record of kind %d: %w", kind, err)
	}
	return rec, nil
}
