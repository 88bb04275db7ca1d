package publish

import (
	"encoding/json"
	"testing"
)

// numberOf reads the profile and the number that row gave it.
func numberOf(t *testing.T, body string) (string, int) {
	t.Helper()
	var e struct {
		Data struct {
			Profile    string `json:"profile_id"`
			Attributes struct{ N int }
		}
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatal(err)
	}
	return e.Data.Profile, e.Data.Attributes.N
}

// field is a member of an envelope.
func field(t *testing.T, body, name string) string {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatal(err)
	}
	text, _ := e[name].(string)
	return text
}
