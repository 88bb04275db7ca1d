package segment

import (
	"strings"
	"testing"
)

// One fault, one sentence: whoever reads a dead letter's detail knows what to change, and no value stands in it (I12).
func TestEachFaultOfAnEventHasItsOwnSentence(t *testing.T) {
	good := string(membershipOf(`,"change":"entered","attributes":{"email":"ada@example.com"}`))
	with := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	for _, c := range []struct{ name, body, detail string }{
		{"an empty body", "", "the body is empty"},
		{"white space alone", " \n", "the body is empty"},
		{"a byte order mark", "\ufeff" + good, "the body begins with a byte order mark: leave it out"},
		{"an array", "[" + good + "]", "the body is an array, no JSON object"},
		{"a text", `"x"`, "the body is a text, no JSON object"},
		{"a number", "1", "the body is a number, no JSON object"},
		{"null", "null", "the body is null, no JSON object"},
		{"cut off in a text", good[:60], "the body is cut off: its JSON ends too early, behind byte 60"},
		{"cut off between members", good[:len(good)-1], "the body is cut off: its JSON ends too early, behind byte 185"},
		{"NaN", with(`"ada@example.com"`, "NaN"), "the body is no JSON at byte 167: NaN is no JSON, send null"},
		{"Infinity", with(`"ada@example.com"`, "-Infinity"), "the body is no JSON at byte 168: Infinity is no JSON, send null"},
		{"Python's None", with(`"ada@example.com"`, "None"), "the body is no JSON at byte 167: None is no JSON, send null"},
		{"a comma too many", with(`com"}`, `com",}`), "the body is no JSON at byte 185: a comma stands before a closing bracket, or a value is missing"},
		{"two events", good + good, "the body is no JSON at byte 187: something stands behind the object"},
		{"text", "hello", "the body is no JSON at byte 1"},
		{"nested too deep", with(`"ada@example.com"`, strings.Repeat("[", 1001)+strings.Repeat("]", 1001)), "the body nests deeper than 1000 levels"},

		{"no specversion", with(`"specversion":"1.0",`, ""), "specversion is missing"},
		{"another specversion", with(`"1.0"`, `"0.3"`), `specversion is not "1.0"`},
		{"a number as specversion", with(`"1.0"`, `1.0`), "specversion is a number: send it as text, in quotes"},
		{"no type", with(`"type"`, `"typ"`), "type is missing"},
		{"no id", with(`"id":"1",`, ""), "id is missing"},
		{"an empty id", with(`"id":"1"`, `"id":""`), "id is empty"},
		{"a numeric id", with(`"id":"1"`, `"id":1`), "id is a number: send it as text, in quotes"},
		{"no source", with(`"source":"s",`, ""), "source is missing"},
		{"no data", with(`"data"`, `"date"`), "data is missing"},
		{"data as text", with(`"data":{`, `"data":"x","more":{`), "data is a text, no object"},
		{"a numeric profile", with(`"p"`, `4711`), "data.profile_id is a number: send it as text, in quotes"},
		{"no profile", with(`"profile_id"`, `"profile"`), "data.profile_id is missing"},
		{"an empty profile", with(`"p"`, `""`), "data.profile_id is empty"},
		{"a null profile", with(`"p"`, `null`), "data.profile_id is null"},
		{"a long profile", with(`"p"`, `"`+strings.Repeat("p", 201)+`"`), "data.profile_id is longer than 200 characters"},
		{"a control character", with(`"p"`, `"a\u0007b"`), "data.profile_id holds a control character"},
		{"a numeric segment", with(`"a"`, `7`), "data.segment_id is a number: send it as text, in quotes"},
		{"a segment with a dot", with(`"a"`, `"a.b"`), "data.segment_id holds something else than letters, digits, _ and -"},
		{"a long segment", with(`"a"`, `"`+strings.Repeat("s", 65)+`"`), "data.segment_id is longer than 64 characters"},
		{"no change", with(`"change"`, `"changed"`), "data.change is missing"},
		{"a boolean as change", with(`"entered"`, `true`), "data.change is a boolean: send it as text, in quotes"},
		{"another change", with(`"entered"`, `"moved"`), "data.change is neither entered nor exited"},
		{"no attributes", with(`"attributes"`, `"attribute"`), "data.attributes is missing on entered"},
		{"null attributes", with(`{"email":"ada@example.com"}`, `null`), "data.attributes is null on entered"},
		{"attributes as an array", with(`{"email":"ada@example.com"}`, `[]`), "data.attributes is an array, no object"},
	} {
		var d Decoder
		_, p := d.Decode("", nil, []byte(c.body))
		if p == nil || p.Detail != c.detail {
			t.Errorf("%s: %+v, want %q", c.name, p, c.detail)
		}
	}
}

func TestEachFaultOfARefreshAndAnErasureHasItsOwnSentence(t *testing.T) {
	refreshed := `{"specversion":"1.0","id":"1","source":"s","type":"` + TypeRefreshed + `","data":{"segment_id":"a","first_sequence":7,"count":2}}`
	erased := `{"specversion":"1.0","id":"1","source":"s","type":"` + TypeErased + `","data":{"profile_id":"p","emails":[]}}`
	for _, c := range []struct{ body, detail string }{
		{strings.Replace(refreshed, "7", `"7"`, 1), "data.first_sequence is a text, no whole number"},
		{strings.Replace(refreshed, "7", `1.5`, 1), "data.first_sequence is no whole number from 0 on"},
		{strings.Replace(refreshed, `"count":2`, `"counts":2`, 1), "data.count is missing"},
		{strings.Replace(refreshed, `"count":2`, `"count":-2`, 1), "data.count is no whole number from 0 on"},
		{strings.Replace(erased, `[]`, `"a@b"`, 1), "data.emails is a text, no array"},
		{strings.Replace(erased, `[]`, `[1]`, 1), "data.emails holds something that is no text"},
	} {
		var d Decoder
		if _, p := d.Decode("", nil, []byte(c.body)); p == nil || p.Detail != c.detail {
			t.Errorf("%s: %+v, want %q", c.body, p, c.detail)
		}
	}
}

func TestABinaryEventWithoutAnAttributeSaysWhichIsMissing(t *testing.T) {
	header := map[string][]string{"ce-specversion": {"1.0"}, "ce-source": {"s"}, "ce-type": {TypeMembership}, "content-type": {"application/json"}}
	var d Decoder
	if _, p := d.Decode("", header, []byte(`{"segment_id":"a"}`)); p == nil || p.Detail != "id is missing" {
		t.Errorf("%+v", p)
	}
}
