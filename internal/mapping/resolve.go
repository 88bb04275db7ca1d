package mapping

// Unresolved returns the names of the custom fields whose id at SendGrid is not known.
func (s Spec) Unresolved() []string {
	var names []string
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Custom && f.ID == "" {
			names = append(names, f.Name)
		}
	}
	return names
}

// ResolvedLike returns the spec with the ids and types that an earlier one had for the custom fields which this one
// lacks them for, and without those that it did not know either.
func (s Spec) ResolvedLike(before Spec) Spec {
	known := make(map[string]Field, len(before.Fields))
	for _, f := range before.Fields {
		if f.Custom {
			known[f.Name] = f
		}
	}
	fields := make([]Field, 0, len(s.Fields))
	for _, f := range s.Fields {
		if f.Custom && f.ID == "" {
			f.ID, f.Type = known[f.Name].ID, known[f.Name].Type
			if f.ID == "" {
				continue
			}
		}
		fields = append(fields, f)
	}
	s.Fields = fields
	return s
}
