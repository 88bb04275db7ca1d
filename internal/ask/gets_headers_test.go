package ask

import (
	"encoding/json"
	"testing"
)

// Headers that can't be read make a message without headers, and not one that stops every reader of its stream.
func TestAMessageWithUnreadableHeadersIsReadWithoutThem(t *testing.T) {
	for headers, want := range map[string]string{"NATS/1.0\r\nKey: value\r\n\r\n": "value", "no headers at all": "", "NATS/1.0\r\nno colon\r\n\r\n": ""} {
		body, err := json.Marshal(map[string]any{"message": map[string]any{
			"subject": "s", "seq": 7, "hdrs": []byte(headers), "data": []byte("body"), "time": "2026-11-01T00:00:00Z",
		}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := leaders(body)
		if err != nil || string(got.Data) != "body" || got.Sequence != 7 || got.Header.Get("Key") != want {
			t.Errorf("headers %q: %+v, %v", headers, got, err)
		}
	}
}
