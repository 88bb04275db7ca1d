package contact

import (
	"unicode"
	"unicode/utf8"
)

// MaxEmail is the longest e-mail, in bytes, that SendGrid stores.
const MaxEmail = 254

// Normalize appends the identity of an e-mail to dst: trimmed of Unicode white space and lower-cased
// (A to Z, nothing else). It reports false, and appends nothing, where the e-mail is not valid: one @
// with something on both sides, no white space or control character, at most MaxEmail bytes. SendGrid
// judges the rest.
func Normalize(dst, email []byte) ([]byte, bool) {
	email = trimSpace(email)
	if len(email) == 0 || len(email) > MaxEmail {
		return dst, false
	}
	start, at := len(dst), -1
	for i := 0; i < len(email); {
		c := email[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(email[i:])
			if r == utf8.RuneError && n == 1 || unicode.IsSpace(r) || unicode.IsControl(r) {
				return dst[:start], false
			}
			dst = append(dst, email[i:i+n]...)
			i += n
			continue
		}
		switch {
		case c <= ' ' || c == 0x7f:
			return dst[:start], false
		case c == '@':
			if at >= 0 {
				return dst[:start], false
			}
			at = i
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
		i++
	}
	if at <= 0 || at == len(email)-1 {
		return dst[:start], false
	}
	return dst, true
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
