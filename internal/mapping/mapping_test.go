package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/contact"
	"rollcall/internal/segment"
)

// everything maps one field of each type, and a plain one.
func everything(omit bool) Spec {
	return Spec{EmailAttribute: "mail", OmitBad: omit, Fields: []Field{
		{Name: "first_name", Attribute: "first"},
		{Name: "tier", Attribute: "tier", Custom: true, ID: "e1_T", Type: Text},
		{Name: "points", Attribute: "points", Custom: true, ID: "e2_N", Type: Number},
		{Name: "born", Attribute: "born", Custom: true, ID: "e3_D", Type: Date},
	}}
}

func mapper(t *testing.T, spec Spec) *Mapper {
	t.Helper()
	m, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sent is what SendGrid is sent of attributes; the reason where something is wrong.
func sent(t *testing.T, m *Mapper, attributes string, clear uint64) (string, segment.Reason) {
	t.Helper()
	res := m.Map(nil, []byte(attributes))
	body := string(m.AppendContact(nil, string(res.Email), res.Fields, clear))
	if !json.Valid([]byte(body)) {
		t.Fatalf("no JSON: %s", body)
	}
	return body, res.Reason
}

const withMail = `"mail":"ada@example.com"`

func TestEachTypeTakesItsValuesAndNothingElse(t *testing.T) {
	const bad = ""
	for attribute, values := range map[string]map[string]string{
		"first": {
			`"Ada"`: `"Ada"`, `""`: `""`, `" Ada "`: `" Ada "`, `"\u0041da\n"`: `"Ada\n"`, `1.50`: `"1.50"`, `12345678901234567890`: `"12345678901234567890"`,
			`-1e3`: `"-1e3"`, `true`: `"true"`, `false`: `"false"`, `{}`: bad, `[]`: bad, `["Ada"]`: bad,
			`"` + strings.Repeat("é", 50) + `"`: `"` + strings.Repeat("é", 50) + `"`, `"` + strings.Repeat("é", 51) + `"`: bad,
		},
		"tier": {
			`"` + strings.Repeat("é", 1000) + `"`: `"` + strings.Repeat("é", 1000) + `"`, `"` + strings.Repeat("e", 1001) + `"`: bad, `true`: `"true"`, `7`: `"7"`, `{}`: bad,
		},
		"points": {
			`7`: `7`, `-0.50`: `-0.50`, `"7"`: `7`, `"7e2"`: `7e2`, `123456789012345678901234567890.10`: `123456789012345678901234567890.10`, `"\u0037"`: `7`,
			`""`: bad, `" 7"`: bad, `"7 "`: bad, `"07"`: bad, `"+7"`: bad, `"0x7"`: bad, `"NaN"`: bad, `"7,5"`: bad, `true`: bad, `[7]`: bad, `{}`: bad,
		},
		"born": {
			`"1815-12-10"`: `"1815-12-10T00:00:00Z"`, `"2026-11-23T13:00:00Z"`: `"2026-11-23T13:00:00Z"`, `"2026-11-23T13:00:00.1230+02:00"`: `"2026-11-23T11:00:00.123Z"`,
			`"2026-02-29"`: bad, `"2024-02-29"`: `"2024-02-29T00:00:00Z"`, `""`: bad, `"2026-11-23 13:00:00Z"`: bad, `"2026-11-23T13:00Z"`: bad, `"2026-11-23T13:00:00"`: bad,
			`"2026-11-23T1:00:00Z"`: bad, `"2026-11-23T13:00:00,5Z"`: bad, `"2026-11-23T24:00:00Z"`: bad, `"2026-11-23T13:00:00+25:00"`: bad, `"0000-01-01T00:00:00+01:00"`: bad,
			`"9999-12-31T23:59:59-01:00"`: bad, `"23.11.2026"`: bad, `"1815-12-10 "`: bad, `1763902800`: bad, `true`: bad, `{}`: bad,
		},
	} {
		keys := map[string]string{"first": `"first_name":`, "tier": `"custom_fields":{"e1_T":`, "points": `"custom_fields":{"e2_N":`, "born": `"custom_fields":{"e3_D":`}
		for value, want := range values {
			attributes := fmt.Sprintf(`{%s,%q:%s}`, withMail, attribute, value)
			body, reason := sent(t, mapper(t, everything(false)), attributes, 0)
			if want == bad {
				if reason != segment.ReasonBadValue {
					t.Errorf("%s: %.60s is taken as %.80s (%s)", attribute, value, body, reason)
				}
				omitted := mapper(t, everything(true))
				if res := omitted.Map(nil, []byte(attributes)); res.Reason != "" || res.Omitted != 1 || len(res.Fields) != 0 || string(res.Email) != "ada@example.com" {
					t.Errorf("%s: omitting %.60s: %+v", attribute, value, res)
				}
				continue
			}
			if reason != "" || !strings.Contains(body, keys[attribute]+want) {
				t.Errorf("%s: %.60s is sent as %.80s (%s), want %.60s", attribute, value, body, reason, want)
			}
		}
	}
}

func TestABadValueNamesItsFieldsAndLeavesTheRestAsItIs(t *testing.T) {
	const attributes = `{` + withMail + `,"first":{"secret":1},"points":"many","tier":"gold"}`
	res := mapper(t, everything(false)).Map(nil, []byte(attributes))
	if res.Reason != segment.ReasonBadValue || res.Detail != "a value does not fit: first_name is an object, no text, points is no number as JSON writes one" || string(res.Email) != "ada@example.com" {
		t.Errorf("%+v", res)
	}
	m := mapper(t, everything(true))
	body, reason := sent(t, m, attributes, 0)
	if want := `{"email":"ada@example.com","custom_fields":{"e1_T":"gold"}}`; reason != "" || body != want {
		t.Errorf("omitting: %s (%s)", body, reason)
	}
	if res := m.Map(nil, []byte(attributes)); res.Omitted != 2 {
		t.Errorf("%d were omitted", res.Omitted)
	}
}

func TestAnUnusableEmailGoesBeforeABadValue(t *testing.T) {
	for attributes, want := range map[string]segment.Reason{
		`{}`: segment.ReasonNoEmail, `{"mail":null}`: segment.ReasonNoEmail, `{"mail":""}`: segment.ReasonNoEmail, `{"email":"ada@example.com"}`: segment.ReasonNoEmail,
		`{"mail":7}`: segment.ReasonInvalidEmail, `{"mail":{}}`: segment.ReasonInvalidEmail, `{"mail":true}`: segment.ReasonInvalidEmail, `{"mail":" "}`: segment.ReasonInvalidEmail,
		`{"mail":"ada"}`: segment.ReasonInvalidEmail, `{"mail":"a@b@c"}`: segment.ReasonInvalidEmail, `{"mail":"a b@c"}`: segment.ReasonInvalidEmail,
		`{"mail":"ada","points":"x"}`: segment.ReasonInvalidEmail, `{"mail":"ada@example.com","mail":null}`: segment.ReasonNoEmail,
	} {
		for _, omit := range []bool{false, true} {
			res := mapper(t, everything(omit)).Map(nil, []byte(attributes))
			if res.Reason != want || res.Email != nil || !strings.HasPrefix(res.Detail, "mail ") || strings.Contains(res.Detail, "@") {
				t.Errorf("%s: %+v, want %s", attributes, res, want)
			}
		}
	}
	for _, attributes := range []string{`{"mail":" Ada@Example.COM\n"}`, `{"m\u0061il":"ada@example.com"}`} {
		if res := mapper(t, everything(false)).Map(nil, []byte(attributes)); string(res.Email) != "ada@example.com" || res.Reason != "" {
			t.Errorf("%s: %+v", attributes, res)
		}
	}
}

func TestNoAttributesAreNoEmailAndNoFields(t *testing.T) {
	for _, attributes := range [][]byte{nil, []byte(`{}`)} {
		if res := mapper(t, everything(false)).Map(nil, attributes); res.Reason != segment.ReasonNoEmail || len(res.Fields) != 0 {
			t.Errorf("%q: %+v", attributes, res)
		}
	}
}

// Contract section 3: what the profile lacks is sent as "" where we sent a text before; numbers and dates
// can't be cleared, and null is never sent. H28: so a contact never keeps another profile's city.
func TestWhatIsMissingIsClearedWhereTextWasSentBefore(t *testing.T) {
	const all = ^uint64(0)
	for name, c := range map[string]struct {
		attributes string
		clear      uint64
		want       string
	}{
		"never sent":        {`{` + withMail + `}`, 0, `{"email":"ada@example.com"}`},
		"null, never sent":  {`{` + withMail + `,"first":null,"points":null}`, 0, `{"email":"ada@example.com"}`},
		"absent, sent":      {`{` + withMail + `}`, all, `{"email":"ada@example.com","first_name":"","custom_fields":{"e1_T":""}}`},
		"null, sent":        {`{` + withMail + `,"first":null,"tier":null,"points":null,"born":null}`, all, `{"email":"ada@example.com","first_name":"","custom_fields":{"e1_T":""}}`},
		"one of them":       {`{` + withMail + `,"points":7}`, 1 << 1, `{"email":"ada@example.com","custom_fields":{"e1_T":"","e2_N":7}}`},
		"there, and sent":   {`{` + withMail + `,"first":"Ada","tier":"gold"}`, all, `{"email":"ada@example.com","first_name":"Ada","custom_fields":{"e1_T":"gold"}}`},
		"empty by itself":   {`{` + withMail + `,"first":""}`, 0, `{"email":"ada@example.com","first_name":""}`},
		"unmapped is never": {`{` + withMail + `,"country":"GB","x":{}}`, all &^ 3, `{"email":"ada@example.com"}`},
	} {
		if got, reason := sent(t, mapper(t, everything(false)), c.attributes, c.clear); got != c.want || reason != "" {
			t.Errorf("%s: %s (%s), want %s", name, got, reason, c.want)
		}
	}
}

func TestTheMaskOfWhatWasSentLeavesEmptyTextsOut(t *testing.T) {
	m := mapper(t, everything(false))
	for attributes, want := range map[string]uint64{
		`{"first":"Ada","tier":"gold","points":7,"born":"1815-12-10"}`: 15, `{"first":""}`: 0, `{"points":7}`: 4, `{"tier":true}`: 2, `{}`: 0,
	} {
		if got := contact.Mask(m.Map(nil, []byte(attributes)).Fields); got != want {
			t.Errorf("%s: mask %b, want %b", attributes, got, want)
		}
	}
}

func TestOneAttributeFeedsSeveralFieldsAndTheEmailToo(t *testing.T) {
	m := mapper(t, Spec{EmailAttribute: "mail", Fields: []Field{
		{Name: "first_name", Attribute: "name"}, {Name: "last_name", Attribute: "name"}, {Name: "address", Attribute: "mail", Custom: true, ID: "e1_T"},
	}})
	body, _ := sent(t, m, `{"mail":"Ada@example.com","name":"Ada"}`, 0)
	if diff := cmp.Diff(`{"email":"ada@example.com","first_name":"Ada","last_name":"Ada","custom_fields":{"e1_T":"Ada@example.com"}}`, body); diff != "" {
		t.Error(diff)
	}
}

func TestTheDefaultMapsTheSevenFieldsOfTheContract(t *testing.T) {
	body, reason := sent(t, mapper(t, Default()), `{"email":"a@b","first_name":"1","last_name":"2","country":"3","state_province_region":"4","city":"5","postal_code":"6","phone_number":"7"}`, 0)
	if want := `{"email":"a@b","first_name":"1","last_name":"2","country":"3","state_province_region":"4","city":"5","postal_code":"6"}`; body != want || reason != "" {
		t.Errorf("%s (%s)", body, reason)
	}
}

func TestMoreFieldsThanAMaskHoldsAreRefused(t *testing.T) {
	spec := Spec{EmailAttribute: "email"}
	for i := range contact.MaxFields {
		spec.Fields = append(spec.Fields, Field{Name: fmt.Sprint(i), Attribute: fmt.Sprint(i), Custom: true, ID: fmt.Sprint(i)})
	}
	m := mapper(t, spec)
	if body, _ := sent(t, m, `{"email":"a@b","63":"last"}`, 1<<63); !strings.Contains(body, `"63":"last"`) {
		t.Errorf("the last field is not sent: %s", body)
	}
	if _, err := New(Spec{Fields: append(spec.Fields, Field{})}); err == nil || !strings.Contains(err.Error(), "65 different fields in its life, more than 64") {
		t.Errorf("error %v", err)
	}
}

func TestMappingAGoodProfileAllocatesNothing(t *testing.T) {
	m := mapper(t, everything(false))
	attributes := []byte(`{"mail":"Ada@example.com","first":"A\u0064a","tier":"gold","points":"7","born":"1815-12-10T00:00:00+01:00"}`)
	fields, body := make([]byte, 0, 512), make([]byte, 0, 512)
	m.Map(fields, attributes)
	const email = "ada@example.com"
	if n := testing.AllocsPerRun(100, func() {
		res := m.Map(fields, attributes)
		m.AppendContact(body, email, res.Fields, 3)
	}); n > 0 {
		t.Errorf("%v allocations a profile", n)
	}
}
