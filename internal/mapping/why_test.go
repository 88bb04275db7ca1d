package mapping

import (
	"strings"
	"testing"

	"rollcall/internal/segment"
)

// Each value that does not fit says why, in its own words and without the value (I12).
func TestABadValueSaysWhyItDoesNotFit(t *testing.T) {
	for attributes, want := range map[string]string{
		`"first":"` + strings.Repeat("é", 51) + `"`:  "first_name has more than 50 characters",
		`"tier":"` + strings.Repeat("x", 1001) + `"`: "tier has more than 1000 characters",
		`"first":["Ada"]`:                    "first_name is an array, no text",
		`"tier":{"a":1}`:                     "tier is an object, no text",
		`"points":"many"`:                    "points is no number as JSON writes one",
		`"points":""`:                        "points is empty, no number",
		`"points":true`:                      "points is a boolean, no number",
		`"points":{}`:                        "points is an object, no number",
		`"born":"23.11.2026"`:                "born is no date: RFC 3339, or YYYY-MM-DD",
		`"born":"2026-11-23T13:00:00,5Z"`:    "born is no date: RFC 3339, or YYYY-MM-DD",
		`"born":""`:                          "born is empty, no date",
		`"born":1763902800`:                  "born is a number, no date",
		`"born":"9999-12-31T23:59:59-01:00"`: "born is a date beyond the year 9999, or before the year 0, in UTC",
		`"first":[],"points":"x"`:            "first_name is an array, no text, points is no number as JSON writes one",
	} {
		res := mapper(t, everything(false)).Map(nil, []byte(`{`+withMail+`,`+attributes+`}`))
		if res.Reason != segment.ReasonBadValue || res.Detail != "a value does not fit: "+want {
			t.Errorf("%.40s: %s, %q; want %q", attributes, res.Reason, res.Detail, want)
		}
	}
}

func TestAnUnusableEmailSaysWhy(t *testing.T) {
	for attributes, want := range map[string]string{
		`{}`: "mail is absent", `{"mail":null}`: "mail is null", `{"mail":""}`: "mail is empty", `{"mail":" "}`: "mail is white space alone",
		`{"mail":7}`: "mail is a number, no text", `{"mail":["a@b"]}`: "mail is an array, no text",
		`{"mail":"ada.example.com"}`: "mail is no valid e-mail: it has no at sign", `{"mail":"a@b@c"}`: "mail is no valid e-mail: it has more than one at sign",
		`{"mail":"a b@c"}`: "mail is no valid e-mail: it holds white space", `{"mail":"a\u0007@c"}`: "mail is no valid e-mail: it holds a control character",
		`{"mail":"a\u200db@c"}`: "mail is no valid e-mail: it holds an invisible character", `{"mail":"\u212aim@c"}`: "mail is no valid e-mail: it holds a letter beyond ASCII whose lower case is ASCII",
		`{"mail":"@c"}`: "mail is no valid e-mail: nothing stands on one side of its at sign", `{"mail":"a@"}`: "mail is no valid e-mail: nothing stands on one side of its at sign",
		`{"mail":"` + strings.Repeat("a", 250) + `@c.de"}`: "mail is no valid e-mail: it is longer than 254 bytes",
	} {
		if res := mapper(t, everything(false)).Map(nil, []byte(attributes)); res.Detail != want {
			t.Errorf("%.40s: %q, want %q", attributes, res.Detail, want)
		}
	}
}

// RFC 3339, section 5.6: t and z may be small.
func TestADateTakesASmallTAndZ(t *testing.T) {
	for value, want := range map[string]string{
		"2026-11-23t13:00:00z": "2026-11-23T13:00:00Z", "2026-11-23T13:00:00.5z": "2026-11-23T13:00:00.5Z", "2026-11-23t13:00:00+02:00": "2026-11-23T11:00:00Z",
	} {
		body, reason := sent(t, mapper(t, everything(false)), `{`+withMail+`,"born":"`+value+`"}`, 0)
		if reason != "" || !strings.Contains(body, want) {
			t.Errorf("%s is sent as %s (%s), want %s", value, body, reason, want)
		}
	}
	if _, reason := sent(t, mapper(t, everything(false)), `{`+withMail+`,"born":"2026-11-23x13:00:00z"}`, 0); reason != segment.ReasonBadValue {
		t.Error("another letter than t is taken")
	}
}
