package segment

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// Envelope is what every event that is written carries.
type Envelope struct {
	ID, Source string
	Time       time.Time
}

// AppendMembership appends a structured membership event. attributes is a raw JSON object; nil leaves it
// out.
func AppendMembership(dst []byte, e Envelope, segmentID, profile string, change Change, attributes []byte) []byte {
	dst = appendEnvelope(dst, e, TypeMembership)
	dst = append(dst, `{"segment_id":`...)
	dst = AppendQuoted(dst, []byte(segmentID))
	dst = append(dst, `,"profile_id":`...)
	dst = AppendQuoted(dst, []byte(profile))
	dst = append(append(append(dst, `,"change":"`...), change.String()...), '"')
	if attributes != nil {
		dst = append(append(dst, `,"attributes":`...), attributes...)
	}
	return append(dst, '}', '}')
}

// AppendRefreshed appends a structured refresh event.
func AppendRefreshed(dst []byte, e Envelope, segmentID string, first, count uint64) []byte {
	dst = appendEnvelope(dst, e, TypeRefreshed)
	dst = append(dst, `{"segment_id":`...)
	dst = AppendQuoted(dst, []byte(segmentID))
	dst = strconv.AppendUint(append(dst, `,"first_sequence":`...), first, 10)
	dst = strconv.AppendUint(append(dst, `,"count":`...), count, 10)
	return append(dst, '}', '}')
}

// AppendErased appends a structured erasure event.
func AppendErased(dst []byte, e Envelope, profile string, emails []string) []byte {
	dst = appendEnvelope(dst, e, TypeErased)
	dst = AppendQuoted(append(dst, `{"profile_id":`...), []byte(profile))
	if len(emails) > 0 {
		dst = append(dst, `,"emails":[`...)
		for i, email := range emails {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendQuoted(dst, []byte(email))
		}
		dst = append(dst, ']')
	}
	return append(dst, '}', '}')
}

func appendEnvelope(dst []byte, e Envelope, kind string) []byte {
	dst = AppendQuoted(append(dst, `{"specversion":"1.0","id":`...), []byte(e.ID))
	dst = AppendQuoted(append(dst, `,"source":`...), []byte(e.Source))
	dst = append(append(append(dst, `,"type":"`...), kind...), '"')
	if !e.Time.IsZero() {
		dst = append(dst, `,"time":"`...)
		dst = append(e.Time.UTC().AppendFormat(dst, time.RFC3339Nano), '"')
	}
	return append(dst, `,"datacontenttype":"application/json","data":`...)
}

// AppendQuoted appends text as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func AppendQuoted(dst, text []byte) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, text[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, text[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		start = i
	}
	return append(append(dst, text[start:]...), '"')
}
