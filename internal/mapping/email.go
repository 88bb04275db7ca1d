package mapping

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"rollcall/internal/contact"
	"rollcall/internal/segment"
)

// mapEmail sets the identity of the contact, or says why there is none.
func (m *Mapper) mapEmail(res *Result) {
	no := func(reason segment.Reason, why string) {
		res.Reason, res.Detail = reason, m.spec.EmailAttribute+" "+why
	}
	switch {
	case len(m.email) == 0:
		no(segment.ReasonNoEmail, "is absent")
		return
	case string(m.email) == "null":
		no(segment.ReasonNoEmail, "is null")
		return
	case string(m.email) == `""`:
		no(segment.ReasonNoEmail, "is empty")
		return
	case m.email[0] != '"':
		no(segment.ReasonInvalidEmail, "is "+typeOf(m.email)+", no text")
		return
	}
	var text []byte
	text, m.scratch = segment.Unquote(m.scratch, m.email)
	address, ok := contact.Normalize(m.address[:0], text)
	if m.address = address; !ok {
		no(segment.ReasonInvalidEmail, noEmail(text))
		return
	}
	res.Email = address
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
	case bytes.ContainsFunc(address, func(r rune) bool { return unicode.Is(unicode.Cf, r) }):
		return "is no valid e-mail: it holds an invisible character"
	case bytes.ContainsFunc(address, func(r rune) bool { return r >= utf8.RuneSelf && unicode.ToLower(r) < utf8.RuneSelf }):
		return "is no valid e-mail: it holds a letter beyond ASCII whose lower case is ASCII"
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
