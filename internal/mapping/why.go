package mapping

import (
	"bytes"
	"unicode"

	"rollcall/internal/contact"
)

// typeOf names the type of a JSON value.
func typeOf(raw []byte) string {
	switch raw[0] {
	case '"':
		return "a text"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	}
	return "a number"
}

// noEmail says why an address that contact.Normalize refused is none, without showing it.
func noEmail(address []byte) string {
	address = bytes.TrimFunc(address, unicode.IsSpace)
	at := bytes.IndexByte(address, '@')
	switch {
	case len(address) == 0:
		return "is white space alone"
	case bytes.ContainsFunc(address, unicode.IsSpace):
		return "is no valid e-mail: it holds white space"
	case bytes.ContainsFunc(address, unicode.IsControl):
		return "is no valid e-mail: it holds a control character"
	case at < 0:
		return "is no valid e-mail: it has no at sign"
	case bytes.Count(address, []byte{'@'}) > 1:
		return "is no valid e-mail: it has more than one at sign"
	case at == 0 || at == len(address)-1:
		return "is no valid e-mail: nothing stands on one side of its at sign"
	case len(address) > contact.MaxEmail:
		return "is no valid e-mail: it is longer than 254 bytes"
	}
	return "is no valid e-mail"
}
