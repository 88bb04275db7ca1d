package segment

import (
	"errors"
	"unicode/utf8"
)

// maxDepth bounds how deep arrays and objects may nest.
const maxDepth = 1000

// ErrJSON reports bytes that are not JSON (RFC 8259).
var ErrJSON = errors.New("not valid JSON")

// skipSpace returns the index of the first byte at or after i that is no white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// scanString returns the index behind the string that begins at i, or -1.
func scanString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			i++
			if i >= len(b) {
				return -1
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for k := 1; k <= 4; k++ {
					if i+k >= len(b) || unhex(b[i+k]) < 0 {
						return -1
					}
				}
				i += 4
			default:
				return -1
			}
		}
	}
	return -1
}

func unhex(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// scanNumber returns the index behind the number that begins at i, or -1.
func scanNumber(b []byte, i int) int {
	digits := func(i int) int {
		for i < len(b) && '0' <= b[i] && b[i] <= '9' {
			i++
		}
		return i
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	if i = digits(i); i == start || b[start] == '0' && i > start+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		end := digits(i + 1)
		if end == i+1 {
			return -1
		}
		i = end
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digits(i)
		if end == i {
			return -1
		}
		i = end
	}
	return i
}

// scanValue returns the index behind the value that begins at i, or -1.
func scanValue(b []byte, i, depth int) int {
	if i >= len(b) || depth > maxDepth {
		return -1
	}
	switch c := b[i]; c {
	case '"':
		return scanString(b, i)
	case '{':
		return scanObject(b, i, depth, nil)
	case '[':
		i = skipSpace(b, i+1)
		if i < len(b) && b[i] == ']' {
			return i + 1
		}
		for {
			if i = scanValue(b, i, depth+1); i < 0 {
				return -1
			}
			if i = skipSpace(b, i); i >= len(b) {
				return -1
			}
			if b[i] == ']' {
				return i + 1
			}
			if b[i] != ',' {
				return -1
			}
			i = skipSpace(b, i+1)
		}
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case 'n':
		return literal(b, i, "null")
	default:
		return scanNumber(b, i)
	}
}

func literal(b []byte, i int, word string) int {
	if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
		return i + len(word)
	}
	return -1
}

// scanObject returns the index behind the object that begins at i, or -1, and calls visit with each
// member: the key with its quotes, the value as it stands.
func scanObject(b []byte, i, depth int, visit func(key, value []byte)) int {
	if i >= len(b) || b[i] != '{' {
		return -1
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return -1
		}
		end := scanString(b, i)
		if end < 0 {
			return -1
		}
		key := b[i:end]
		if i = skipSpace(b, end); i >= len(b) || b[i] != ':' {
			return -1
		}
		i = skipSpace(b, i+1)
		if end = scanValue(b, i, depth+1); end < 0 {
			return -1
		}
		if visit != nil {
			visit(key, b[i:end])
		}
		if i = skipSpace(b, end); i >= len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = skipSpace(b, i+1)
	}
}

// ScanObject calls visit with each member of a JSON object: the key with its quotes and the value as
// they stand. It returns ErrJSON where raw is no object; members before the fault were visited.
func ScanObject(raw []byte, visit func(key, value []byte)) error {
	end := scanObject(raw, skipSpace(raw, 0), 0, visit)
	if end < 0 || skipSpace(raw, end) != len(raw) {
		return ErrJSON
	}
	return nil
}

// Unquote returns the text of a JSON string that was scanned before. Without escapes that is the string
// itself; otherwise it is appended to dst. An unpaired surrogate reads as U+FFFD.
func Unquote(dst, quoted []byte) (text, grown []byte) {
	in := quoted[1 : len(quoted)-1]
	at := 0
	for at < len(in) && in[at] != '\\' {
		at++
	}
	if at == len(in) {
		return in, dst
	}
	start := len(dst)
	dst = append(dst, in[:at]...)
	for i := at; i < len(in); i++ {
		if in[i] != '\\' {
			dst = append(dst, in[i])
			continue
		}
		i++
		switch in[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			var r rune
			r, i = unescape(in, i)
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, in[i])
		}
	}
	return dst[start:], dst
}

// unescape reads the \u escape whose u is at i, with its second half where it is a surrogate, and
// returns the index of its last byte.
func unescape(in []byte, i int) (rune, int) {
	hex := func(i int) rune { return unhex(in[i+1])<<12 | unhex(in[i+2])<<8 | unhex(in[i+3])<<4 | unhex(in[i+4]) }
	r := hex(i)
	i += 4
	if r < 0xd800 || r > 0xdfff {
		return r, i
	}
	if r < 0xdc00 && i+6 < len(in) && in[i+1] == '\\' && in[i+2] == 'u' {
		if low := hex(i + 2); low >= 0xdc00 && low <= 0xdfff {
			return (r-0xd800)<<10 | (low - 0xdc00) + 0x10000, i + 6
		}
	}
	return utf8.RuneError, i
}

// IsNumber reports whether b is exactly one JSON number.
func IsNumber(b []byte) bool { return len(b) > 0 && scanNumber(b, 0) == len(b) }
