package audit

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"rollcall/internal/segment"
)

// envelope is an event as the contract spells it.
type envelope struct {
	Version string `json:"specversion"`
	ID      string `json:"id"`
	Source  string `json:"source"`
	Type    string `json:"type"`
	Data    struct {
		Segment    string          `json:"segment_id"`
		Profile    string          `json:"profile_id"`
		Change     string          `json:"change"`
		Attributes json.RawMessage `json:"attributes"`
		First      uint64          `json:"first_sequence"`
		Count      int             `json:"count"`
	} `json:"data"`
}

type attributes map[string]json.RawMessage

// membership is the latest that was said of one profile and one segment.
type membership struct {
	sequence   uint64
	in, swept  bool
	attributes attributes // nil: it carries none
}

// person is one profile's attributes, and the sequence at which they were said.
type person struct {
	sequence   uint64
	attributes attributes
}

// refresh is one `refreshed` event.
type refresh struct {
	sequence uint64
	segment  string
	first    uint64
	count    int
}

// fold keeps the latest event of each membership, the erasures, and the refreshes until the stream's end.
type fold struct {
	rules     Rules
	profiles  map[string]map[string]membership // profile -> segment
	erased    map[string]uint64                // profile -> sequence
	refreshes []refresh
}

func newFold(rules Rules) *fold {
	return &fold{rules: rules, profiles: map[string]map[string]membership{}, erased: map[string]uint64{}}
}

// add takes the next event of the stream. What can't be read changes nothing.
func (f *fold) add(e Event) {
	var event envelope
	if len(e.Body) > segment.MaxBody || json.Unmarshal(e.Body, &event) != nil {
		return
	}
	if event.Version != "1.0" || event.ID == "" || event.Source == "" {
		return
	}
	data := &event.Data
	switch event.Type {
	case segment.TypeMembership:
		if slices.Contains(f.rules.Segments, data.Segment) && data.Profile != "" {
			f.change(e.Sequence, data.Segment, data.Profile, data.Change, data.Attributes)
		}
	case segment.TypeRefreshed:
		f.refreshes = append(f.refreshes, refresh{e.Sequence, data.Segment, data.First, data.Count})
	case segment.TypeErased:
		f.erased[data.Profile] = e.Sequence
		delete(f.profiles, data.Profile)
	}
}

func (f *fold) change(sequence uint64, segmentID, profile, change string, raw json.RawMessage) {
	m := membership{sequence: sequence, in: change == segment.Entered.String()}
	if !m.in && change != segment.Exited.String() {
		return
	}
	_ = json.Unmarshal(raw, &m.attributes) // what is no object says nothing
	switch {
	case m.in && m.attributes == nil:
		m.attributes = attributes{} // they count, without a usable e-mail
	case !m.in && len(m.attributes) == 0:
		m.attributes = nil // it carries none
	}
	if f.profiles[profile] == nil {
		f.profiles[profile] = map[string]membership{}
	}
	f.profiles[profile][segmentID] = m
}

// finish judges the refreshes, in order. They are judged where the stream ends: a keyed stream may have replaced a
// counted event by a later one of the same membership, which counts in its stead (H5).
func (f *fold) finish() {
	for _, r := range f.refreshes {
		if f.seen(r) >= r.count && r.first <= r.sequence {
			f.sweep(r)
		}
	}
	f.refreshes = nil
}

// seen is how many distinct profiles have an event since a refresh began, the erased ones included.
func (f *fold) seen(r refresh) int {
	n := 0
	for profile, memberships := range f.profiles {
		m, ok := memberships[r.segment]
		if ok && m.sequence >= r.first && !m.swept && f.erased[profile] < r.first {
			n++
		}
	}
	for _, at := range f.erased {
		if at >= r.first {
			n++
		}
	}
	return n
}

// sweep lets go of the members that were last seen before a refresh.
func (f *fold) sweep(r refresh) {
	for _, memberships := range f.profiles {
		if m, ok := memberships[r.segment]; ok && m.in && m.sequence < r.first {
			memberships[r.segment] = membership{sequence: r.sequence, swept: true}
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
	bad := strings.ContainsFunc(text, func(r rune) bool {
		stranger := r > unicode.MaxASCII && unicode.ToLower(r) <= unicode.MaxASCII
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.White_Space) || stranger
	})
	text = strings.Map(unicode.ToLower, text)
	local, domain, ok := strings.Cut(text, "@")
	return text, ok && local != "" && domain != "" && !strings.Contains(domain, "@") && !bad && len(text) <= 254
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
