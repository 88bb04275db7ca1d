package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// story is a hand-written history: each line is one event, its sequence its place, from 1.
type story []string

func entered(segment, profile, attributes string) string {
	return member(segment, profile, "entered", attributes)
}

func exited(segment, profile, attributes string) string {
	return member(segment, profile, "exited", attributes)
}

// member is a membership event; without attributes it carries the key not at all.
func member(segment, profile, change, attributes string) string {
	if attributes != "" {
		attributes = `,"attributes":` + attributes
	}
	return event("rollcall.membership.changed.v1", fmt.Sprintf(`{"segment_id":%q,"profile_id":%q,"change":%q%s}`, segment, profile, change, attributes))
}

func refreshed(segment string, first, count int) string {
	return event("rollcall.segment.refreshed.v1", fmt.Sprintf(`{"segment_id":%q,"first_sequence":%d,"count":%d}`, segment, first, count))
}

func erased(profile string) string {
	return event("rollcall.profile.erased.v1", fmt.Sprintf(`{"profile_id":%q}`, profile))
}

func event(kind, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"x","source":"/test","type":%q,"data":%s}`, kind, data)
}

// mail is attributes with an e-mail and a city.
func mail(local, city string) string {
	return fmt.Sprintf(`{"email":"%s@example.com","city":%q}`, local, city)
}

// replaced is an event that a keyed stream holds no longer: its sequence is a gap.
const replaced = ""

func (s story) events(visit func(Event) error) error {
	for i, body := range s {
		if body == replaced {
			continue
		}
		if err := visit(Event{Sequence: uint64(i + 1), Body: []byte(body)}); err != nil {
			return err
		}
	}
	return nil
}

// desires is who ought to be on the list, as "local part city".
func (s story) desires(t *testing.T) []string {
	t.Helper()
	f := newFold(Rules{Segments: []string{"s0", "s1"}, Email: "email"})
	if err := s.events(func(e Event) error { f.add(e); return nil }); err != nil {
		t.Fatal(err)
	}
	f.finish()
	got := []string{}
	for email, p := range f.desired() {
		var city string
		_ = json.Unmarshal(p.attributes["city"], &city) // one without stays ""
		got = append(got, strings.TrimSpace(strings.TrimSuffix(email, "@example.com")+" "+city))
	}
	slices.Sort(got)
	return got
}

// Each rule of the contract's "Events", by a history that is right only with it.
func TestTheComputationKeepsTheContract(t *testing.T) {
	big := entered("s0", "p", `{"email":"big@example.com","city":"`+strings.Repeat("x", 70000)+`"}`)
	for name, c := range map[string]struct {
		story story
		want  []string
	}{
		"the latest event of a membership decides":            {story{entered("s0", "p", mail("a", "Rome")), exited("s0", "p", ""), entered("s0", "p", mail("a", "Oslo"))}, []string{"a Oslo"}},
		"an exit ends a membership":                           {story{entered("s0", "p", mail("a", "Rome")), exited("s0", "p", mail("a", "Rome"))}, []string{}},
		"one segment is enough":                               {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", mail("a", "Rome")), exited("s0", "p", "")}, []string{"a Rome"}},
		"another destination's segment selects nobody":        {story{entered("s9", "p", mail("a", "Rome"))}, []string{}},
		"another segment's attributes do not count":           {story{entered("s0", "p", mail("a", "Rome")), entered("s9", "p", mail("b", "Oslo"))}, []string{"a Rome"}},
		"the newest attributes count whole, never merged":     {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", `{"email":"a@example.com"}`)}, []string{"a"}},
		"an exit's attributes count for who stays elsewhere":  {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", mail("a", "Oslo")), exited("s0", "p", mail("a", "Bern"))}, []string{"a Bern"}},
		"an exit without attributes withdraws its own (H4)":   {story{entered("s0", "p", mail("a", "Rome")), replaced, exited("s1", "p", "")}, []string{"a Rome"}},
		"an exit with null withdraws as well":                 {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", mail("b", "Oslo")), exited("s1", "p", "null")}, []string{"a Rome"}},
		"an exit with {} withdraws as well":                   {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", mail("b", "Oslo")), exited("s1", "p", "{}")}, []string{"a Rome"}},
		"entered with {} counts, without an e-mail":           {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", "{}")}, []string{}},
		"entered without attributes counts, without e-mail":   {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", "")}, []string{}},
		"entered with text for attributes has no e-mail":      {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", `"x"`)}, []string{}},
		"an exit with text for attributes still ends it (H6)": {story{entered("s0", "p", mail("a", "Rome")), exited("s0", "p", `"x"`)}, []string{}},
		"a changed e-mail moves the contact":                  {story{entered("s0", "p", mail("a", "Rome")), entered("s0", "p", mail("b", "Rome"))}, []string{"b Rome"}},
		"a shared e-mail takes the newest profile's fields":   {story{entered("s0", "p", mail("a", "Rome")), entered("s0", "q", mail("a", "Oslo"))}, []string{"a Oslo"}},
		"a shared e-mail stays while one profile holds it":    {story{entered("s0", "p", mail("a", "Rome")), entered("s0", "q", mail("a", "Oslo")), exited("s0", "q", "")}, []string{"a Rome"}},
		"an e-mail is trimmed and lower-cased (H40)":          {story{entered("s0", "p", `{"email":"\u00a0 ADA@EXAMPLE.COM \t"}`), entered("s0", "q", `{"email":"Ä@example.com"}`), entered("s0", "r", `{"email":"\u212a@example.com"}`), entered("s0", "s", `{"email":"a\u200b@example.com"}`)}, []string{"ada", "ä"}},
		"an erased profile is forgotten":                      {story{entered("s0", "p", mail("a", "Rome")), entered("s1", "p", mail("a", "Rome")), erased("p")}, []string{}},
		"a newer entered is a new person":                     {story{entered("s0", "p", mail("a", "Rome")), erased("p"), entered("s1", "p", mail("b", "Oslo"))}, []string{"b Oslo"}},
		"a refresh lets go of who was seen before it":         {story{entered("s0", "p", mail("a", "Rome")), entered("s0", "q", mail("b", "Oslo")), entered("s0", "q", mail("b", "Oslo")), refreshed("s0", 3, 1)}, []string{"b Oslo"}},
		"a refresh touches no other segment":                  {story{entered("s1", "p", mail("a", "Rome")), entered("s0", "q", mail("b", "Oslo")), refreshed("s0", 2, 1)}, []string{"a Rome", "b Oslo"}},
		"a refresh of too few is refused":                     {story{entered("s0", "p", mail("a", "Rome")), entered("s0", "q", mail("b", "Oslo")), refreshed("s0", 2, 2)}, []string{"a Rome", "b Oslo"}},
		"a refresh that begins after itself is refused":       {story{entered("s0", "p", mail("a", "Rome")), refreshed("s0", 9, 0)}, []string{"a Rome"}},
		"a refresh of nobody empties the segment":             {story{entered("s0", "p", mail("a", "Rome")), refreshed("s0", 2, 0)}, []string{}},
		"a refresh counts who was replaced since (H5)":        {story{entered("s0", "p", mail("a", "Rome")), replaced, refreshed("s0", 2, 1), entered("s0", "q", mail("b", "Oslo"))}, []string{"b Oslo"}},
		"a refresh counts the erased":                         {story{entered("s0", "p", mail("a", "Rome")), entered("s0", "q", mail("b", "Oslo")), erased("q"), refreshed("s0", 2, 1)}, []string{}},
		"who is erased and comes again counts once":           {story{entered("s0", "p", mail("a", "Rome")), erased("q"), entered("s0", "q", mail("b", "Oslo")), refreshed("s0", 2, 2)}, []string{"a Rome", "b Oslo"}},
		"the swept do not count for the next refresh":         {story{entered("s0", "p", mail("a", "Rome")), refreshed("s0", 2, 0), refreshed("s0", 2, 1), entered("s0", "q", mail("b", "Oslo"))}, []string{"b Oslo"}},
		"a swept membership withdraws its attributes":         {story{entered("s1", "p", mail("a", "Rome")), entered("s0", "p", mail("b", "Oslo")), refreshed("s0", 3, 0)}, []string{"a Rome"}},
		"who comes after the refresh is a member":             {story{entered("s0", "p", mail("a", "Rome")), refreshed("s0", 2, 0), entered("s0", "p", mail("a", "Bern"))}, []string{"a Bern"}},
		"what can't be read changes nothing": {story{
			entered("s0", "p", mail("a", "Rome")), `{`, strings.Replace(exited("s0", "p", ""), "1.0", "0.3", 1), strings.Replace(exited("s0", "p", ""), `"id":"x",`, "", 1),
			strings.Replace(exited("s0", "p", ""), `"source":"/test",`, "", 1), member("s0", "p", "left", ""), strings.Replace(exited("s0", "p", ""), ".v1", ".v9", 1), big,
		}, []string{"a Rome"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.story.desires(t)); diff != "" {
				t.Errorf("desired (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyAUsableEmailMakesAContact(t *testing.T) {
	for raw, want := range map[string]bool{
		`"a@b"`: true, `"a b@c"`: false, `"a@@b"`: false, `"@b"`: false, `"a@"`: false, `""`: false, `"ab"`: false, `"a\u0007@b"`: false,
		`7`: false, `null`: false, `["a@b"]`: false, `"` + strings.Repeat("a", 252) + `@b"`: true, `"` + strings.Repeat("a", 253) + `@b"`: false,
	} {
		if _, ok := address(json.RawMessage(raw)); ok != want {
			t.Errorf("%.40s is usable: %v, want %v", raw, ok, want)
		}
	}
}

func TestValuesAreAsTheContractSpellsThem(t *testing.T) {
	for _, c := range []struct{ kind, raw, want string }{
		{"Text", `"Köln"`, "Köln"},
		{"Text", `1.50`, "1.50"},
		{"Text", `true`, "true"},
		{"Text", `null`, ""},
		{"Text", ``, ""},
		{"Number", `7`, "7"},
		{"Number", `"12.0"`, "12.0"},
		{"Date", `"2026-11-01"`, "2026-11-01T00:00:00Z"},
		{"Date", `"2026-11-01T02:00:00+02:00"`, "2026-11-01T00:00:00Z"},
		{"Date", `"soon"`, ""},
	} {
		got, there := value(Field{Kind: c.kind}, json.RawMessage(c.raw))
		if got != c.want || there != (c.want != "") {
			t.Errorf("%s %s is %q (%v), want %q", c.kind, c.raw, got, there, c.want)
		}
	}
}

// kinds is what a report found, sorted.
func kinds(r *Report) []Kind { return slices.Sorted(maps.Keys(r.Counts)) }
