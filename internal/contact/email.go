package contact

import (
	"unicode"
	"unicode/utf8"
)

// MaxEmail is the longest e-mail, in bytes, that SendGrid stores.
const MaxEmail = 254

// Normalisation is the version of the rule by which Normalize makes an e-mail a contact's identity. A ledger's claim
// holds it: after a change of the rule what the ledger holds is made one by it, and the stream is read again.
//
// Version 1 lower-cased A to Z alone, and took what version 2 refuses.
const Normalisation = 2

// Normalize appends the identity of an e-mail to dst: trimmed of Unicode white space and lower-cased by
// Unicode's simple rule, as SendGrid stores it. It reports false, and appends nothing, if the e-mail is not
// valid: one @ with something on both sides, no white space, control or invisible format character, no letter
// beyond ASCII whose lower case is ASCII (it would become a stranger's address), an identity of at most MaxEmail
// bytes. SendGrid judges the rest.
func Normalize(dst, email []byte) ([]byte, bool) {
	email = trimSpace(email)
	start, at := len(dst), 0
	for i := 0; i < len(email); {
		r, n := rune(email[i]), 1
		switch {
		case 'a' <= r && r <= 'z':
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case r >= utf8.RuneSelf:
			if r, n = lower(email[i:]); n == 0 {
				return dst[:start], false
			}
		case r <= ' ' || r == 0x7f:
			return dst[:start], false
		case r == '@':
			if at > 0 || i == 0 || i == len(email)-1 {
				return dst[:start], false
			}
			at = i
		}
		dst = utf8.AppendRune(dst, r)
		if i += n; len(dst)-start > MaxEmail {
			return dst[:start], false
		}
	}
	if at == 0 {
		return dst[:start], false
	}
	return dst, true
}

// lower decodes a character beyond ASCII, and returns its lower case and its length; zero if no e-mail may have it.
func lower(email []byte) (rune, int) {
	r, n := utf8.DecodeRune(email)
	if r == utf8.RuneError && n == 1 || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
		return 0, 0
	}
	if r = unicode.ToLower(r); r < utf8.RuneSelf {
		return 0, 0
	}
	return r, n
}

// Spelling is the identity of an e-mail that somebody else wrote, or the e-mail itself if it has none: two e-mails
// are of one contact if their spellings are equal.
func Spelling(email string) string {
	if identity, ok := Normalize(nil, []byte(email)); ok {
		return string(identity)
	}
	return email
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if !unicode.IsSpace(r) {
			break
		}
		b = b[n:]
	}
	for len(b) > 0 {
		r, n := utf8.DecodeLastRune(b)
		if !unicode.IsSpace(r) {
			break
		}
		b = b[:len(b)-n]
	}
	return b
}
