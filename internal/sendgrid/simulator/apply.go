package simulator

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// upsert applies a write: contact by contact; one that cannot be is left wholly unchanged.
func (s *Simulator) upsert(j *job, lists []string, contacts []incoming) {
	for i := range contacts {
		in := &contacts[i]
		c, reason := s.match(in)
		if reason == "" {
			reason = s.unfit(in)
		}
		full := c == nil && s.opts.PlanLimit > 0 && s.people.count() >= s.opts.PlanLimit && !s.opts.PlanPaid
		if reason == "" && full {
			reason = "you have hit your contact limit"
			j.failed = true
		}
		if reason != "" {
			j.errors = append(j.errors, jobError{in.identity(0), reason})
			continue
		}
		fresh := c == nil
		if fresh {
			c = s.create(in.identity(0), j.accepted, j.apply)
			j.created++
		} else {
			j.updated++
		}
		s.people.unindex(c)
		if s.write(c, in) && !fresh {
			c.updated = j.apply
		}
		s.people.index(c)
		for _, id := range lists {
			s.join(c, id, j.apply)
		}
	}
}

// match finds the one contact that the identifiers name, or says why it cannot be written.
func (s *Simulator) match(in *incoming) (found *contact, reason string) {
	for kind := range identities {
		c := s.people.by[kind][in.identity(kind)]
		if c == nil {
			continue
		}
		if found != nil && found != c {
			return nil, "the identifiers belong to different contacts"
		}
		found = c
	}
	if found == nil {
		return nil, ""
	}
	for kind := range identities {
		if has := found.identity(kind); has != "" && has != in.identity(kind) {
			return found, "the contact has another identifier that the request lacks: " + identityNames[kind][0]
		}
	}
	return found, ""
}

var e164 = regexp.MustCompile(`^\+[1-9]\d{1,14}$`)

// unfit says which value a job would not take.
func (s *Simulator) unfit(in *incoming) string {
	values := in.all()
	for i, v := range values {
		if v == nil {
			continue
		}
		if limit := textLimits[i]; limit > 0 && utf8.RuneCountInString(*v) > limit && !s.opts.Truncate {
			return textNames[i] + " is too long"
		}
		if (i == phoneNumber || i == firstIdentity) && *v != "" && !e164.MatchString(*v) {
			return textNames[i] + " is not a valid phone number"
		}
	}
	for id, raw := range in.Custom {
		f := s.field(id)
		if f == nil {
			return "a custom field was deleted"
		}
		if string(raw) != "null" && !f.takes(raw) && (string(raw) != `""` || !s.opts.ClearAll) {
			return "the value of " + f.name + " is no " + f.kind
		}
	}
	return ""
}

// takes reports whether a custom field can hold a value.
func (f *field) takes(raw json.RawMessage) bool {
	if f.kind == "Number" {
		var n json.Number
		return raw[0] != '"' && json.Unmarshal(raw, &n) == nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return false
	}
	if f.kind == "Text" {
		return utf8.RuneCountInString(text) <= 1000
	}
	_, ok := parseDate(text)
	return ok
}

func parseDate(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "01/02/2006", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// write sets what the upsert names; what it leaves out is kept, "" clears.
func (s *Simulator) write(c *contact, in *incoming) (changed bool) {
	for i, v := range in.all() {
		if v == nil || c.texts[i] == *v || i >= firstIdentity && *v == "" {
			continue
		}
		c.texts[i] = strings.Clone(*v)
		if limit := textLimits[i]; limit > 0 && utf8.RuneCountInString(*v) > limit {
			c.texts[i] = string([]rune(*v)[:limit])
		}
		changed = true
	}
	if c.email == "" && in.identity(0) != "" {
		c.email, changed = strings.Clone(in.identity(0)), true
	}
	for _, a := range in.Alternates {
		if a = strings.ToLower(a); a != "" && len(c.alternates) < maxAlternates && !contains(c.alternates, a) {
			c.alternates = append(c.alternates, strings.Clone(a))
			changed = true
		}
	}
	for id, raw := range in.Custom {
		changed = s.field(id).set(c, raw) || changed
	}
	return changed
}

// set writes one custom value; null keeps what is there.
func (f *field) set(c *contact, raw json.RawMessage) bool {
	var v any
	switch {
	case string(raw) == "null":
		return false
	case string(raw) == `""`:
		v = ""
	case f.kind == "Number":
		v = json.Number(strings.Clone(string(raw)))
	default:
		var text string
		_ = json.Unmarshal(raw, &text) // it was looked at before
		if f.kind == "Date" {
			t, _ := parseDate(text)
			text = t.UTC().Format(time.RFC3339) // fractions are dropped
		}
		v = text
	}
	if c.custom[f.id] == v {
		return false
	}
	if c.custom == nil {
		c.custom = map[string]any{}
	}
	c.custom[f.id] = v
	return true
}
