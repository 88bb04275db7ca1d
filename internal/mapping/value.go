package mapping

import (
	"strconv"
	"time"
	"unicode/utf8"

	"rollcall/internal/contact"
	"rollcall/internal/segment"
)

// value converts one raw JSON value to what the field takes. why says what keeps it from fitting; it is empty where it fits, and
// never holds the value.
func (m *Mapper) value(f *Field, raw []byte) (v []byte, kind contact.FieldKind, why string) {
	switch f.Type {
	case Number:
		v, why = m.number(raw)
		return v, contact.Number, why
	case Date:
		v, why = m.date(raw)
		return v, contact.Date, why
	default:
		v, why = m.text(f, raw)
		return v, contact.Text, why
	}
}

// text takes a string as it is, a number by its JSON spelling, a boolean as true or false.
func (m *Mapper) text(f *Field, raw []byte) (v []byte, why string) {
	v = raw
	switch raw[0] {
	case '"':
		v, m.scratch = segment.Unquote(m.scratch, raw)
	case '{', '[':
		return nil, "is " + typeOf(raw) + ", no text"
	}
	limit := maxText
	if n, ok := limits[f.Name]; ok && !f.Custom {
		limit = n
	}
	if len(v) > limit && utf8.RuneCount(v) > limit {
		return nil, "has more than " + strconv.Itoa(limit) + " characters"
	}
	return v, ""
}

// number takes a JSON number, or a string that is exactly one; its digits are kept.
func (m *Mapper) number(raw []byte) (v []byte, why string) {
	v = raw
	if raw[0] == '"' {
		v, m.scratch = segment.Unquote(m.scratch, raw)
	}
	switch {
	case segment.IsNumber(v):
		return v, ""
	case len(v) == 0:
		return nil, "is empty, no number"
	case raw[0] != '"':
		return nil, "is " + typeOf(raw) + ", no number"
	}
	return nil, "is no number as JSON writes one"
}

const noDate = "is no date: RFC 3339, or YYYY-MM-DD"

// date takes RFC 3339, or a day, which begins at 00:00 UTC; it is sent as RFC 3339 in UTC.
func (m *Mapper) date(raw []byte) (v []byte, why string) {
	if raw[0] != '"' {
		return nil, "is " + typeOf(raw) + ", no date"
	}
	v, m.scratch = segment.Unquote(m.scratch, raw)
	if len(v) == 0 {
		return nil, "is empty, no date"
	}
	form := time.DateOnly
	if len(v) > len(form) {
		if form = time.RFC3339; len(v) < len("2006-01-02T15:04:05Z") {
			return nil, noDate
		}
		v = m.capitals(v)
		// The library reads hours of one digit and commas, too: neither is RFC 3339.
		if v[13] != ':' || v[19] == ',' {
			return nil, noDate
		}
	}
	t, err := time.Parse(form, string(v))
	if err != nil {
		return nil, noDate
	}
	if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
		return nil, "is a date beyond the year 9999, or before the year 0, in UTC"
	}
	start := len(m.scratch)
	m.scratch = t.AppendFormat(m.scratch, time.RFC3339Nano)
	return m.scratch[start:], ""
}

// capitals copies a time with its t and z as the library reads them: RFC 3339 takes small ones too (section 5.6).
func (m *Mapper) capitals(v []byte) []byte {
	last := len(v) - 1
	if v[10] != 't' && v[last] != 'z' {
		return v
	}
	start := len(m.scratch)
	m.scratch = append(m.scratch, v...)
	if v = m.scratch[start:]; v[10] == 't' {
		v[10] = 'T'
	}
	if v[last] == 'z' {
		v[last] = 'Z'
	}
	return v
}
