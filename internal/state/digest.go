package state

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// digest names a set of numbers, or bytes, by a few characters that people can compare.
type digest struct{ hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) add(n uint64) {
	_, _ = d.Write(binary.BigEndian.AppendUint64(nil, n)) // a hash never fails
}

// String is the first 48 bits in hex.
func (d digest) String() string { return hex.EncodeToString(d.Sum(nil)[:6]) }
