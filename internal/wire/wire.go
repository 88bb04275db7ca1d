// Package wire is the binary form of ledger entries and snapshots: varints and counted bytes, appended
// and read back in the same order. It guarantees that reading never panics and never allocates more
// than the bytes at hand: the first fault sticks in the reader, which then returns zeros.
package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrCut reports bytes that end too early or are no encoding of ours.
var ErrCut = errors.New("the encoding is cut short or damaged")

// Uint appends an unsigned number.
func Uint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

// Int appends a signed number.
func Int(dst []byte, v int64) []byte { return binary.AppendVarint(dst, v) }

// Fixed appends eight bytes, for hashes.
func Fixed(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

// Bytes appends counted bytes.
func Bytes(dst, b []byte) []byte { return append(binary.AppendUvarint(dst, uint64(len(b))), b...) }

// String appends a counted string.
func String(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Bool appends a flag.
func Bool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// Reader reads an encoding that lies in memory. Byte slices that it returns alias its input.
type Reader struct {
	b   []byte
	err error
}

// NewReader reads b.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Uint reads an unsigned number.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Int reads a signed number.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Fixed reads eight bytes.
func (r *Reader) Fixed() uint64 {
	if len(r.b) < 8 {
		r.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

// Bytes reads counted bytes; nil where the count is zero.
func (r *Reader) Bytes() []byte {
	n := r.Uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// String reads a counted string.
func (r *Reader) String() string { return string(r.Bytes()) }

// Bool reads a flag.
func (r *Reader) Bool() bool { return r.Byte() != 0 }

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// Len returns how many bytes are left.
func (r *Reader) Len() int { return len(r.b) }

// Count reads a number of things of at least one byte each: more than the bytes left is a fault.
func (r *Reader) Count() int {
	n := r.Uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *Reader) fail() {
	r.b = nil
	if r.err == nil {
		r.err = ErrCut
	}
}

// Err returns the first fault.
func (r *Reader) Err() error { return r.err }

// Section writes one named, counted part of a snapshot.
func Section(w io.Writer, name string, body []byte) error {
	head := Uint(String(nil, name), uint64(len(body)))
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("write section %s: %w", name, err)
	}
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write section %s: %w", name, err)
	}
	return nil
}

// Sections reads what Section wrote and gives each part to visit, which may keep its bytes.
func Sections(r io.Reader, visit func(name string, body []byte) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		size, err := binary.ReadUvarint(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || size > 64 {
			return fmt.Errorf("read section name: %w", errors.Join(ErrCut, err))
		}
		name := make([]byte, size)
		if _, err := io.ReadFull(in, name); err != nil {
			return fmt.Errorf("read section name: %w", err)
		}
		length, err := binary.ReadUvarint(in)
		if err != nil || length > 1<<34 {
			return fmt.Errorf("read section %q: %w", name, errors.Join(ErrCut, err))
		}
		body, err := readBody(in, length)
		if err != nil {
			return fmt.Errorf("read section %q: %w", name, err)
		}
		if err := visit(string(name), body); err != nil {
			return err
		}
	}
}

// trusted is how many bytes a length may claim before that many were read: a damaged one must not exhaust the
// memory.
const trusted = 64 << 20

func readBody(in io.Reader, length uint64) ([]byte, error) {
	var body bytes.Buffer
	body.Grow(int(min(length, trusted)))
	if _, err := io.CopyN(&body, in, int64(length)); err != nil {
		return nil, errors.Join(ErrCut, err)
	}
	return body.Bytes(), nil
}

// Rest returns all that is left.
func (r *Reader) Rest() []byte {
	b := r.b
	r.b = nil
	return b
}

// Fail notes a fault that the caller found in what it read.
func (r *Reader) Fail() { r.fail() }
