package roster

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
)

// Ids and e-mails are kept packed: a canonical UUID as its sixteen bytes, an e-mail as the number of its domain and
// its local part, other ids and local parts in six bits a character where they are of small letters, digits and signs,
// or of letters of either case, digits, - and _. Two that differ are never packed alike.

const (
	uuidText  = 36
	uuidBytes = 16
)

// dashes are where a UUID's text has them.
var dashes = [4]int{8, 13, 18, 23}

// packID appends the packed id, and reports whether it is a UUID. Any other id has its length before it, in two bytes
// where it would be as long as a packed UUID.
func packID(dst, id []byte) ([]byte, bool) {
	if len(id) == uuidText {
		if packed, ok := packUUID(dst, id); ok {
			return packed, true
		}
	}
	pack := packingOf(id)
	head := textHead(len(id), pack)
	if head < 0x80 && 1+textBytes(len(id), pack) == uuidBytes {
		dst = append(dst, 0x80|byte(head), 0)
	} else {
		dst = binary.AppendUvarint(dst, head)
	}
	return appendText(dst, id, pack), false
}

func packUUID(dst, id []byte) ([]byte, bool) {
	at := 0
	for i, n := range [5]int{8, 4, 4, 4, 12} {
		if i > 0 {
			if id[at] != '-' {
				return dst, false
			}
			at++
		}
		for _, c := range id[at : at+n] {
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return dst, false
			}
		}
		dst, _ = hex.AppendDecode(dst, id[at:at+n]) // they are digits, and even in number
		at += n
	}
	return dst, true
}

// unpackID appends the id of a packed one.
func unpackID(dst, key []byte, uuid bool) []byte {
	if !uuid {
		head, size := binary.Uvarint(key)
		length, pack := readHead(head)
		return unpackText(dst, key[size:], length, pack)
	}
	first := len(dst)
	dst = append(dst, make([]byte, uuidText)...)
	text := dst[first:]
	from, at := 0, 0
	for i, dash := range append(dashes[:], uuidText) {
		if i > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], key[from:from+(dash-at)/2])
		from = (at - i) / 2
	}
	return dst
}

// keyLength is how many bytes the packed id takes that key begins with.
func keyLength(key []byte, uuid bool) int {
	if uuid {
		return uuidBytes
	}
	head, size := binary.Uvarint(key)
	length, pack := readHead(head)
	return size + textBytes(length, pack)
}

// mostDomains is how many domains have a number; e-mails of the others are kept whole, under number zero.
const mostDomains = 1 << 14

// domains numbers the domains of the contacts' e-mails. One that no contact has any more is let go of.
type domains struct {
	numbers map[string]uint32
	rows    []domain // number zero is none
	free    []uint32
	wholes  int // contacts whose e-mail is kept whole
}

type domain struct {
	name     string
	contacts int
}

// split cuts an e-mail into its local part and its domain's number, zero where it has none.
func (d *domains) split(email []byte) (number uint32, local []byte) {
	at := bytes.LastIndexByte(email, '@')
	if at < 0 {
		return 0, email
	}
	if n, ok := d.numbers[string(email[at+1:])]; ok {
		return n, email[:at]
	}
	return 0, email
}

// add is split for an e-mail that is to be kept: its domain gets a number where one is left.
func (d *domains) add(email []byte) (number uint32, local []byte) {
	number, local = d.split(email)
	at := bytes.LastIndexByte(email, '@')
	if number == 0 && at >= 0 && len(d.numbers) < mostDomains {
		number, local = d.number(string(email[at+1:])), email[:at]
	}
	if number == 0 {
		d.wholes++
	} else {
		d.rows[number].contacts++
	}
	return number, local
}

func (d *domains) number(name string) uint32 {
	if d.numbers == nil {
		d.numbers, d.rows = map[string]uint32{}, make([]domain, 1)
	}
	n := uint32(len(d.rows))
	if last := len(d.free) - 1; last >= 0 {
		n, d.free = d.free[last], d.free[:last]
		d.rows[n] = domain{name: name}
	} else {
		d.rows = append(d.rows, domain{name: name})
	}
	d.numbers[name] = n
	return n
}

// drop notes that a contact with this domain's number is gone.
func (d *domains) drop(number uint32) {
	if number == 0 {
		d.wholes--
		return
	}
	row := &d.rows[number]
	if row.contacts--; row.contacts == 0 {
		delete(d.numbers, row.name)
		row.name = ""
		d.free = append(d.free, number)
	}
}

// appendEmail appends the e-mail of a number and a local part.
func (d *domains) appendEmail(dst []byte, number uint32, local text) []byte {
	dst = unpackText(dst, local.packed, local.length, local.pack)
	if number == 0 {
		return dst
	}
	return append(append(dst, '@'), d.rows[number].name...)
}

// packEmail appends what the index knows an e-mail by.
func packEmail(dst []byte, number uint32, local []byte) []byte {
	pack := packingOf(local)
	return appendText(binary.AppendUvarint(dst, textHead(int(number), pack)), local, pack)
}
