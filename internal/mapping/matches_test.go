package mapping_test

import (
	"encoding/json"
	"testing"

	"rollcall/internal/mapping"
)

// What SendGrid shows is compared by meaning: it normalises numbers and dates, and shows "" where a text is absent.
func TestWhatSendGridShowsIsComparedByMeaning(t *testing.T) {
	spec := mapping.Default()
	spec.Fields = append(spec.Fields,
		mapping.Field{Name: "visits", Attribute: "visits", Custom: true, ID: "e1_N", Type: mapping.Number},
		mapping.Field{Name: "joined", Attribute: "joined", Custom: true, ID: "e2_D", Type: mapping.Date},
	)
	m, err := mapping.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	fields := m.Map(nil, []byte(`{"email":"ada@example.com","first_name":"Ada","visits":3.0,"joined":"2026-11-23T13:00:00.123Z"}`)).Fields
	const city = 1 << 4 // of the default mapping: it was sent once
	for shown, want := range map[string]bool{
		`{"first_name":"Ada","last_name":"x","custom_fields":{"visits":3,"joined":"2026-11-23T13:00:00Z"}}`: true,
		`{"first_name":"Ada","city":"","custom_fields":{"visits":3,"joined":"2026-11-23T14:00:00+01:00"}}`:  true,
		`{"first_name":"Ada","city":"Rome","custom_fields":{"visits":3,"joined":"2026-11-23T13:00:00Z"}}`:   false,
		`{"first_name":"ada","custom_fields":{"visits":3,"joined":"2026-11-23T13:00:00Z"}}`:                 false,
		`{"first_name":"Ada","custom_fields":{"visits":4,"joined":"2026-11-23T13:00:00Z"}}`:                 false,
		`{"first_name":"Ada","custom_fields":{"visits":"3","joined":"2026-11-23T13:00:00Z"}}`:               false,
		`{"first_name":"Ada","custom_fields":{"visits":3,"joined":"2026-11-23T13:00:01Z"}}`:                 false,
		`{"first_name":"Ada"}`: false,
		`{}`:                   false,
	} {
		var found map[string]any
		if err := json.Unmarshal([]byte(shown), &found); err != nil {
			t.Fatal(err)
		}
		if got := m.Matches(fields, city, found); got != want {
			t.Errorf("%s: %v, want %v", shown, got, want)
		}
	}
}
