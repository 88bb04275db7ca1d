package mapping

import (
	"testing"

	"rollcall/internal/segment"
	"rollcall/schemas"
)

// The published examples that only a mapping refuses, and the good ones, under the default mapping.
func TestTheExamplesOfTheContractMapAsTheySay(t *testing.T) {
	examples, err := schemas.Events()
	if err != nil {
		t.Fatal(err)
	}
	var decoder segment.Decoder
	m, mapped := mapper(t, Default()), 0
	for _, example := range examples {
		ev, problem := decoder.Decode(example.Subject, nil, example.Body)
		if problem != nil || ev.Kind != segment.Membership || ev.Attributes == nil {
			continue
		}
		mapped++
		if res := m.Map(nil, ev.Attributes); string(res.Reason) != example.Reason {
			t.Errorf("%s (%s): %+v, want %q", example.File, example.Says, res, example.Reason)
		}
	}
	if mapped < 8 {
		t.Errorf("only %d examples were mapped", mapped)
	}
}
