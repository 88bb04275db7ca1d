package mapping

import "slices"

// Key names a field for ever: SendGrid's own by its name, a custom one by its id, which no other will have.
func (f *Field) Key() string {
	switch {
	case f.Name == "":
		return ""
	case f.Custom:
		return "custom:" + f.ID
	}
	return f.Name
}

// Numbered gives each field of the spec the place that it had among the keys, and new ones the places behind
// them. It returns the spec with its fields in their places, and all keys. So the encoding of a contact's fields,
// its hash and its mask mean the same before and after a change of the mapping, which then sends again exactly
// the contacts whose values it changes.
func (s Spec) Numbered(keys []string) (Spec, []string) {
	all := slices.Clone(keys)
	places := make(map[string]int, len(all))
	for i, key := range all {
		places[key] = i
	}
	for i := range s.Fields {
		key := s.Fields[i].Key()
		if _, known := places[key]; !known {
			places[key] = len(all)
			all = append(all, key)
		}
	}
	fields := make([]Field, len(all))
	for i := range s.Fields {
		fields[places[s.Fields[i].Key()]] = s.Fields[i]
	}
	s.Fields = fields
	return s, all
}

// Mapped returns a bit for each number whose field the mapping has.
func (s Spec) Mapped() uint64 {
	var mapped uint64
	for i := range s.Fields {
		if s.Fields[i].Name != "" {
			mapped |= 1 << i
		}
	}
	return mapped
}
