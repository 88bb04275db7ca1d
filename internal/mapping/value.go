package mapping

import (
	"time"
	"unicode/utf8"

	"rollcall/internal/contact"
	"rollcall/internal/segment"
)

// value converts one raw JSON value to what the field takes; false where it does not fit.
func (m *Mapper) value(f *Field, raw []byte) ([]byte, contact.FieldKind, bool) {
	switch f.Type {
	case Number:
		v, ok := m.number(raw)
		return v, contact.Number, ok
	case Date:
		v, ok := m.date(raw)
		return v, contact.Date, ok
	default:
		v, ok := m.text(f, raw)
		return v, contact.Text, ok
	}
}

// text takes a string as it is, a number by its JSON spelling, a boolean as true or false.
func (m *Mapper) text(f *Field, raw []byte) ([]byte, bool) {
	v := raw
	switch raw[0] {
	case '"':
		v, m.scratch = segment.Unquote(m.scratch, raw)
	case '{', '[':
		return nil, false
	}
	limit := maxText
	if n, ok := limits[f.Name]; ok && !f.Custom {
		limit = n
	}
	if len(v) > limit && utf8.RuneCount(v) > limit {
		return nil, false
	}
	return v, true
}

// number takes a JSON number, or a string that is exactly one; its digits are kept.
func (m *Mapper) number(raw []byte) ([]byte, bool) {
	v := raw
	if raw[0] == '"' {
		v, m.scratch = segment.Unquote(m.scratch, raw)
	}
	return v, segment.IsNumber(v)
}

// date takes RFC 3339, or a day, which begins at 00:00 UTC; it is sent as RFC 3339 in UTC.
func (m *Mapper) date(raw []byte) ([]byte, bool) {
	if raw[0] != '"' {
		return nil, false
	}
	var v []byte
	v, m.scratch = segment.Unquote(m.scratch, raw)
	form := time.DateOnly
	if len(v) > len(form) {
		// The library reads hours of one digit and commas, too: neither is RFC 3339.
		if form = time.RFC3339; len(v) < len("2006-01-02T15:04:05Z") || v[13] != ':' || v[19] == ',' {
			return nil, false
		}
	}
	t, err := time.Parse(form, string(v))
	if err != nil {
		return nil, false
	}
	if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
		return nil, false // its zone takes it out of what RFC 3339 can write
	}
	start := len(m.scratch)
	m.scratch = t.AppendFormat(m.scratch, time.RFC3339Nano)
	return m.scratch[start:], true
}
