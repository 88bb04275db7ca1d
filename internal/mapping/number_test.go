package mapping

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// H10: a changed mapping keeps what it still maps in its place, so that equal contacts stay equal.
func TestAFieldKeepsItsPlaceWhateverTheMappingBecomes(t *testing.T) {
	first, keys := Spec{EmailAttribute: "mail", Fields: []Field{{Name: "city", Attribute: "city"}, {Name: "tier", Attribute: "tier", Custom: true, ID: "e1_T"}}}.Numbered(nil)
	if diff := cmp.Diff([]string{"city", "custom:e1_T"}, keys); diff != "" {
		t.Error(diff)
	}
	second, keys := Spec{EmailAttribute: "mail", Fields: []Field{{Name: "first_name", Attribute: "first"}, {Name: "rank", Attribute: "tier", Custom: true, ID: "e1_T"}}}.Numbered(keys)
	if diff := cmp.Diff([]string{"city", "custom:e1_T", "first_name"}, keys); diff != "" {
		t.Error(diff)
	}
	const attributes = `{"mail":"ada@example.com","city":"London","tier":"gold"}`
	before, after := mapper(t, first).Map(nil, []byte(attributes)), mapper(t, second)
	res := after.Map(nil, []byte(attributes))
	if got, want := string(after.AppendContact(nil, string(res.Email), res.Fields, ^uint64(0))), `{"email":"ada@example.com","first_name":"","custom_fields":{"e1_T":"gold"}}`; got != want {
		t.Errorf("%s, want %s: what is not mapped any more is not touched", got, want)
	}
	back, _ := Spec{EmailAttribute: "mail", Fields: []Field{first.Fields[1], first.Fields[0]}}.Numbered(keys)
	if again := mapper(t, back).Map(nil, []byte(attributes)); string(again.Fields) != string(before.Fields) {
		t.Errorf("fields %q, and %q after the mapping went and came back in another order", before.Fields, again.Fields)
	}
}

func TestWhatSendGridShowsMatchesWhatWasSent(t *testing.T) {
	m := mapper(t, everything(false))
	res := m.Map(nil, []byte(`{"mail":"ada@example.com","tier":"gold","points":"7.50","born":"1815-12-10T00:00:00.5+01:00"}`))
	for shown, want := range map[string]bool{
		`{"custom_fields":{"tier":"gold","points":7.5,"born":"1815-12-09T23:00:00Z"},"city":"London"}`:    true,
		`{"first_name":"","custom_fields":{"tier":"gold","points":7.5,"born":"1815-12-09T23:00:00Z"}}`:    true,
		`{"first_name":"Ada","custom_fields":{"tier":"gold","points":7.5,"born":"1815-12-09T23:00:00Z"}}`: false, // to be cleared
		`{"custom_fields":{"tier":"silver","points":7.5,"born":"1815-12-09T23:00:00Z"}}`:                  false,
		`{"custom_fields":{"tier":"gold","points":7.51,"born":"1815-12-09T23:00:00Z"}}`:                   false,
		`{"custom_fields":{"tier":"gold","points":"7.5","born":"1815-12-09T23:00:00Z"}}`:                  false,
		`{"custom_fields":{"tier":"gold","points":7.5,"born":"1815-12-10T00:00:00Z"}}`:                    false,
		`{"custom_fields":{"tier":"gold","points":7.5,"born":5}}`:                                         false,
		`{"custom_fields":null}`: false,
	} {
		var found map[string]any
		if err := json.Unmarshal([]byte(shown), &found); err != nil {
			t.Fatal(err)
		}
		if got := m.Matches(res.Fields, ^uint64(0), found); got != want {
			t.Errorf("%s matches: %v", shown, got)
		}
	}
	if m.Matches([]byte{0xff}, 0, nil) || !m.Matches(res.Fields[:0], 0, nil) {
		t.Error("damaged fields match, or none do not")
	}
}
