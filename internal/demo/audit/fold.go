package audit

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/internal/segment"
)

// envelope is an event as the contract spells it.
type envelope struct {
	Type string `json:"type"`
	Data struct {
		Segment    string                     `json:"segment_id"`
		Profile    string                     `json:"profile_id"`
		Change     string                     `json:"change"`
		Attributes map[string]json.RawMessage `json:"attributes"`
		First      uint64                     `json:"first_sequence"`
		Count      int                        `json:"count"`
	} `json:"data"`
}

// membership is the latest that was said of one profile and one segment.
type membership struct {
	sequence   uint64
	in         bool
	attributes map[string]json.RawMessage // nil: it carries none
}

// person is one profile's attributes, and the sequence at which they were said.
type person struct {
	sequence   uint64
	attributes map[string]json.RawMessage
}

// fold keeps the latest event of each membership, and the highest sequence at which each was seen.
type fold struct {
	rules    Rules
	profiles map[string]map[string]membership // profile -> segment
	seen     map[string]map[string]uint64     // segment -> profile
}

func newFold(rules Rules) *fold {
	return &fold{rules: rules, profiles: map[string]map[string]membership{}, seen: map[string]map[string]uint64{}}
}

// add takes the next event of the stream. What can't be read changes nothing.
func (f *fold) add(e Event) {
	var event envelope
	if len(e.Body) > segment.MaxBody || json.Unmarshal(e.Body, &event) != nil {
		return
	}
	data := &event.Data
	switch event.Type {
	case segment.TypeMembership:
		if slices.Contains(f.rules.Segments, data.Segment) && data.Profile != "" {
			f.change(e.Sequence, data.Segment, data.Profile, data.Change, data.Attributes)
		}
	case segment.TypeRefreshed:
		f.refresh(e.Sequence, data.Segment, data.First, data.Count)
	case segment.TypeErased:
		for _, seen := range f.seen {
			seen[data.Profile] = e.Sequence
		}
		delete(f.profiles, data.Profile)
	}
}

func (f *fold) change(sequence uint64, segmentID, profile, change string, attributes map[string]json.RawMessage) {
	m := membership{sequence: sequence, in: change == segment.Entered.String(), attributes: attributes}
	if !m.in && change != segment.Exited.String() {
		return
	}
	if m.in && attributes == nil {
		m.attributes = map[string]json.RawMessage{}
	}
	if !m.in && len(attributes) == 0 {
		m.attributes = nil
	}
	if f.profiles[profile] == nil {
		f.profiles[profile] = map[string]membership{}
	}
	f.profiles[profile][segmentID] = m
	if f.seen[segmentID] == nil {
		f.seen[segmentID] = map[string]uint64{}
	}
	f.seen[segmentID][profile] = sequence
}

// refresh lets go of those who were last seen before it, if all who were counted have been seen since.
func (f *fold) refresh(sequence uint64, segmentID string, first uint64, count int) {
	seen := 0
	for _, at := range f.seen[segmentID] {
		if at >= first && at < sequence {
			seen++
		}
	}
	if seen < count || first > sequence {
		return
	}
	for _, memberships := range f.profiles {
		if m, ok := memberships[segmentID]; ok && m.sequence < first {
			memberships[segmentID] = membership{sequence: sequence}
		}
	}
}

// desired is every contact that something selects, by e-mail, with the attributes that its fields come
// from: those of the newest of the profiles that hold it.
func (f *fold) desired() map[string]person {
	out := map[string]person{}
	for _, memberships := range f.profiles {
		in, newest := false, person{}
		for _, m := range memberships {
			in = in || m.in
			if m.attributes != nil && m.sequence > newest.sequence {
				newest = person{m.sequence, m.attributes}
			}
		}
		email, ok := address(newest.attributes[f.rules.Email])
		if !in || !ok {
			continue
		}
		if have, taken := out[email]; !taken || have.sequence < newest.sequence {
			out[email] = newest
		}
	}
	return out
}

// address is the identity of an e-mail, and whether it can be one.
func address(raw json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return "", false
	}
	text = strings.TrimFunc(text, unicode.IsSpace)
	text = strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, text)
	local, domain, ok := strings.Cut(text, "@")
	bad := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	return text, ok && local != "" && domain != "" && !strings.Contains(domain, "@") && !bad && len(text) <= 254 && utf8.ValidString(text)
}

// value is what a field ought to hold; false where the profile has nothing to say of it.
func value(field Field, raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", false
	}
	text := string(raw)
	if raw[0] == '"' && json.Unmarshal(raw, &text) != nil {
		return "", false
	}
	if field.Kind != "Date" {
		return text, text != ""
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Format(time.RFC3339Nano), true
		}
	}
	return "", false
}
