package contact

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxFields is the most mapped fields that one destination can have: their presence is kept as a bit
// each of one word.
const MaxFields = 64

// FieldKind says how a value is written to SendGrid.
type FieldKind uint8

// The kinds of field values.
const (
	Text   FieldKind = iota // a JSON string
	Number                  // a JSON number, its digits kept
	Date                    // RFC 3339 in UTC, a JSON string
)

// ErrFields reports bytes that are no encoding of fields.
var ErrFields = errors.New("fields are not encoded as this build writes them")

// AppendField appends one field's value to an encoding. Fields are appended in ascending index, once
// each: that makes equal fields equal bytes. The layout is uvarint(index<<2|kind), uvarint(length), value.
func AppendField(dst []byte, index int, kind FieldKind, value []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(index)<<2|uint64(kind))
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	return append(dst, value...)
}

// NextField splits the first field off an encoding and returns what follows it.
func NextField(fields []byte) (index int, kind FieldKind, value, rest []byte, err error) {
	tag, n := binary.Uvarint(fields)
	if n <= 0 || tag>>2 >= MaxFields || tag&3 > uint64(Date) {
		return 0, 0, nil, nil, ErrFields
	}
	size, m := binary.Uvarint(fields[n:])
	if m <= 0 || size > uint64(len(fields)-n-m) {
		return 0, 0, nil, nil, fmt.Errorf("%w: a value of %d bytes is cut short", ErrFields, size)
	}
	at := n + m
	return int(tag >> 2), FieldKind(tag & 3), fields[at : at+int(size)], fields[at+int(size):], nil
}

// Mask returns a bit for each field that has a value other than "" in the encoding: a text field among them
// must be sent as "" once the profile lacks it, a number or date can't be cleared and is counted. Bytes that
// do not decode end the walk.
func Mask(fields []byte) uint64 {
	var mask uint64
	for len(fields) > 0 {
		index, _, value, rest, err := NextField(fields)
		if err != nil {
			return mask
		}
		if len(value) > 0 {
			mask |= 1 << index
		}
		fields = rest
	}
	return mask
}
