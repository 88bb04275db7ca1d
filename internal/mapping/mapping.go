// Package mapping turns a profile's attributes into a contact's fields, says what is wrong with them,
// and writes the contact as SendGrid takes it.
//
// It guarantees that a value is never cut: what does not fit its field is a bad value, which either
// refuses the contact or is left out, as the destination's configuration says. null is never sent. It
// is pure (I14); a Mapper has scratch space and is for one goroutine.
package mapping

import (
	"fmt"
	"math/bits"
	"strings"

	"rollcall/internal/contact"
	"rollcall/internal/segment"
)

// Type is what kind of values a field takes.
type Type uint8

// The types, as SendGrid names them.
const (
	Text Type = iota
	Number
	Date
)

// Field is one mapped field besides the e-mail. Its place in the Spec is its index in contact.Fields; a field
// without a name is a place that a field had which is not mapped any more.
type Field struct {
	Name      string // SendGrid's
	Attribute string
	Custom    bool
	ID        string // of a custom field: what SendGrid calls it when it is written
	Type      Type
}

// Spec is a destination's mapping, custom fields resolved.
type Spec struct {
	EmailAttribute string
	Fields         []Field
	OmitBad        bool // leave a bad value out, instead of refusing the contact
}

// limits are the most characters that SendGrid documents for its own fields; docs/sendgrid.md has the
// source. Those without a documented limit take what a custom text field does.
var limits = map[string]int{
	"first_name": 50, "last_name": 50, "address_line_1": 100, "address_line_2": 100, "city": 60,
	"state_province_region": 50, "country": 50,
}

// maxText is the most characters of a custom text field.
const maxText = 1000

// Default is the mapping of a destination that names none: seven fields of the same names.
func Default() Spec {
	s := Spec{EmailAttribute: "email"}
	for _, name := range []string{"first_name", "last_name", "country", "state_province_region", "city", "postal_code"} {
		s.Fields = append(s.Fields, Field{Name: name, Attribute: name})
	}
	return s
}

// Mapper maps attributes by one spec.
type Mapper struct {
	spec    Spec
	byName  map[string][]int // attribute -> fields, -1 for the e-mail
	values  [][]byte         // of the attributes at hand, by field
	email   []byte
	scratch []byte
	address []byte
	visit   func(key, value []byte)
	plain   []int // fields of SendGrid's own, in order
	custom  []int // custom fields
	keys    [][]byte
}

// New returns a mapper; it refuses more fields than a destination can have.
func New(spec Spec) (*Mapper, error) {
	if len(spec.Fields) > contact.MaxFields {
		return nil, fmt.Errorf("the destination has mapped %d different fields in its life, more than %d: give the list a new destination",
			len(spec.Fields), contact.MaxFields)
	}
	m := &Mapper{spec: spec, byName: map[string][]int{spec.EmailAttribute: {-1}}, values: make([][]byte, len(spec.Fields))}
	for i, f := range spec.Fields {
		if f.Name == "" {
			m.keys = append(m.keys, nil)
			continue
		}
		m.byName[f.Attribute] = append(m.byName[f.Attribute], i)
		name := f.Name
		if f.Custom {
			m.custom = append(m.custom, i)
			name = f.ID
		} else {
			m.plain = append(m.plain, i)
		}
		m.keys = append(m.keys, append(segment.AppendQuoted(nil, []byte(name)), ':'))
	}
	m.visit = func(key, value []byte) {
		var name []byte
		name, m.scratch = segment.Unquote(m.scratch, key)
		for _, i := range m.byName[string(name)] {
			if i < 0 {
				m.email = value
			} else {
				m.values[i] = value
			}
		}
	}
	return m, nil
}

// Result is what a profile's attributes come to. Its slices alias the mapper's scratch and the dst
// given: they are valid until the next Map.
type Result struct {
	Email   []byte // normalised; nil where it is not usable
	Fields  []byte // contact.Fields, appended to dst
	Reason  segment.Reason
	Detail  string // names fields, never values
	Omitted int    // bad values that were left out
}

// Map maps raw attributes, a JSON object; nil is none. Where a value is bad and refuses the contact,
// the e-mail and the other fields are there all the same.
func (m *Mapper) Map(dst, attributes []byte) Result {
	m.email, m.scratch = nil, m.scratch[:0]
	clear(m.values)
	res := Result{}
	if attributes != nil {
		_ = segment.ScanObject(attributes, m.visit) // it was scanned as part of its event
	}
	start := len(dst)
	var bad []string
	for i := range m.spec.Fields {
		v := m.values[i]
		if len(v) == 0 || string(v) == "null" {
			continue
		}
		value, kind, why := m.value(&m.spec.Fields[i], v)
		if why != "" {
			bad = append(bad, m.spec.Fields[i].Name+" "+why)
			continue
		}
		dst = contact.AppendField(dst, i, kind, value)
	}
	res.Fields = dst[start:]
	if len(bad) > 0 {
		if m.spec.OmitBad {
			res.Omitted = len(bad)
		} else {
			res.Reason, res.Detail = segment.ReasonBadValue, "a value does not fit: "+strings.Join(bad, ", ")
		}
	}
	m.mapEmail(&res)
	return res
}

// Uncleared counts the number and date fields that were sent with a value, as the mask says, and have none now:
// SendGrid can't clear those.
func (m *Mapper) Uncleared(fields []byte, mask uint64) int {
	n := 0
	for left := mask &^ contact.Mask(fields); left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		if i < len(m.spec.Fields) && m.spec.Fields[i].Name != "" && m.spec.Fields[i].Type != Text {
			n++
		}
	}
	return n
}

// AppendContact appends SendGrid's JSON of a contact. clear has a bit for each text field that is sent
// as "" where the contact has no value for it.
func (m *Mapper) AppendContact(dst []byte, email string, fields []byte, clear uint64) []byte {
	dst = append(dst, `{"email":`...)
	dst = segment.AppendQuoted(dst, []byte(email))
	var values [contact.MaxFields][]byte
	var kinds [contact.MaxFields]contact.FieldKind
	var present uint64
	for rest := fields; len(rest) > 0; {
		index, kind, value, next, err := contact.NextField(rest)
		if err != nil {
			break
		}
		values[index], kinds[index] = value, kind
		present |= 1 << index
		rest = next
	}
	put := func(i int, comma bool) {
		if comma {
			dst = append(dst, ',')
		}
		dst = append(dst, m.keys[i]...)
		switch {
		case present&(1<<i) == 0:
			dst = append(dst, '"', '"')
		case kinds[i] == contact.Number:
			dst = append(dst, values[i]...)
		default:
			dst = segment.AppendQuoted(dst, values[i])
		}
	}
	sent := present | clear
	for _, i := range m.plain {
		if sent&(1<<i) != 0 {
			put(i, true)
		}
	}
	open := false
	for _, i := range m.custom {
		if sent&(1<<i) == 0 || present&(1<<i) == 0 && m.spec.Fields[i].Type != Text {
			continue
		}
		if !open {
			dst = append(dst, `,"custom_fields":{`...)
		}
		put(i, open)
		open = true
	}
	if open {
		dst = append(dst, '}')
	}
	return append(dst, '}')
}
