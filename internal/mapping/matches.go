package mapping

import (
	"encoding/json"
	"strconv"
	"time"

	"rollcall/internal/contact"
)

// Matches reports whether a contact as SendGrid shows it has these fields: those that have a value, and
// nothing in the text fields of clear that have none. found is the contact's JSON, custom fields by name
// under custom_fields; unmapped fields do not count.
func (m *Mapper) Matches(fields []byte, clear uint64, found map[string]any) bool {
	custom, _ := found["custom_fields"].(map[string]any)
	shown := func(i int) any {
		if f := &m.spec.Fields[i]; f.Custom {
			return custom[f.Name]
		}
		return found[m.spec.Fields[i].Name]
	}
	for rest := fields; len(rest) > 0; {
		index, kind, value, next, err := contact.NextField(rest)
		if err != nil || index >= len(m.spec.Fields) || !same(kind, string(value), shown(index)) {
			return false
		}
		clear &^= 1 << index
		rest = next
	}
	for i := range m.spec.Fields {
		if clear&(1<<i) != 0 && m.spec.Fields[i].Type == Text && !same(contact.Text, "", shown(i)) {
			return false
		}
	}
	return true
}

// same compares a value that was sent with one that SendGrid shows: it normalises numbers, and drops the
// fractions of times.
func same(kind contact.FieldKind, sent string, shown any) bool {
	switch kind {
	case contact.Number:
		want, err := strconv.ParseFloat(sent, 64)
		var have float64
		switch v := shown.(type) {
		case float64:
			have = v
		case json.Number:
			var bad error
			if have, bad = v.Float64(); bad != nil {
				return false
			}
		default:
			return false
		}
		return err == nil && have == want
	case contact.Date:
		text, _ := shown.(string)
		want, err := time.Parse(time.RFC3339, sent)
		have, bad := time.Parse(time.RFC3339, text)
		return err == nil && bad == nil && have.Truncate(time.Second).Equal(want.Truncate(time.Second))
	case contact.Text:
	}
	text, ok := shown.(string)
	return (ok || shown == nil) && text == sent
}
