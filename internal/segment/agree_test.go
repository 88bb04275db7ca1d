package segment_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"rollcall/internal/segment"
	"rollcall/schemas"
)

func eventSchema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	schema, err := schemas.Compile(schemas.Event)
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

// schemaAccepts is the schema's word on a body.
func schemaAccepts(schema *jsonschema.Schema, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// disagree says how decoder and schema differ about a body; "" where they don't. What a schema can't see
// (size, UTF-8, depth) is left out: it has tests of its own. No subject is given, so that none is judged.
func disagree(decoder *segment.Decoder, schema *jsonschema.Schema, body []byte) string {
	if len(body) > segment.MaxBody || !utf8.Valid(body) || deep(body) {
		return ""
	}
	_, problem := decoder.Decode("", nil, body)
	refused := schemaAccepts(schema, body)
	if (problem == nil) == (refused == nil) {
		return ""
	}
	return fmt.Sprintf("decoder: %+v\nschema: %v\nbody: %s", problem, refused, body)
}

// deep reports whether a body may nest too deep for the decoder; brackets in strings count too.
func deep(body []byte) bool {
	return bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) > 900
}

// spelled draws one of the spellings of a text in JSON.
func spelled(t *rapid.T, text string) string {
	if !rapid.Bool().Draw(t, "escaped") {
		quoted := segment.AppendQuoted(nil, []byte(text))
		return string(quoted)
	}
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r < ' ' || r == '"' || r == '\\' || r < 0x10000 && rapid.IntRange(0, 3).Draw(t, "as an escape") == 0:
			fmt.Fprintf(&out, `\u%04X`, r)
		case r >= 0x10000 && rapid.Bool().Draw(t, "as a pair"):
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

var (
	odd = []string{
		"null", "true", "0", "-1", "1.5", "[]", "{}", `""`, `" "`, `"\u0000"`, `"\ud800"`, `"\ud83d\ude00"`, `[null]`, `{"a":{}}`, `"1.0"`, `"entered"`, `1e2`,
	}
	numbers = []string{
		"0", "-0", "-0.0", "0e9", "1", "1.0", "10e-1", "1e3", "1E+3", "0.001e3", "12.50e1", "1.25e1", "18446744073709551615", "18446744073709551616",
		"1844674407370955161.5e1", "184467440737095516150e-1", "1e19", "1e20", "-1", "0.1", "1e-1", "100e-3", "1e400000", "1e-400000", `"1"`, "1000000000000000000000000e-24",
	}
	profiles = []string{
		"c0ffee", "~" + strings.Repeat("0", 32), strings.Repeat("x", 200), strings.Repeat("x", 201), strings.Repeat("é", 200), strings.Repeat("😀", 200), strings.Repeat("😀", 201), "a\x7fb",
		"a\u0085b", "a\u00a0b", "a\u2028b", "\ufffd", "a\tb", "ada@example.com", "", " ", "\U0010ffff",
	}
	segments = []string{"high-value", strings.Repeat("s", 64), strings.Repeat("s", 65), "a.b", "", "ä", "a b", "_", "a\n", "*", ">"}
)

// text draws a good or nearly good text of a pool, whose first is good.
func text(t *rapid.T, pool []string) string {
	switch rapid.IntRange(0, 9).Draw(t, "which text") { // low numbers are drawn more often
	case 9:
		return spelled(t, rapid.String().Draw(t, "text"))
	case 0, 1, 2, 3, 4:
		return spelled(t, pool[0])
	}
	return spelled(t, rapid.SampledFrom(pool).Draw(t, "pool"))
}

// member is a key of an object with a value for it.
type member struct {
	key   string
	value func(*rapid.T) string
}

// build draws an object: mostly each member as it should be, sometimes missing, odd, twice or renamed.
func build(t *rapid.T, members []member) string {
	var parts []string
	add := func(key, value string) {
		space := rapid.SampledFrom([]string{"", "", " ", "\n\t"}).Draw(t, "space")
		parts = append(parts, space+spelled(t, key)+space+":"+space+value+space)
	}
	for _, m := range members {
		switch rapid.IntRange(0, 15).Draw(t, m.key) {
		case 11:
		case 12:
			add(m.key, rapid.SampledFrom(odd).Draw(t, "odd"))
		case 13:
			add(m.key, rapid.SampledFrom(odd).Draw(t, "odd"))
			add(m.key, m.value(t)) // the last one counts
		case 14:
			add(m.key, m.value(t))
			add(m.key, rapid.SampledFrom(odd).Draw(t, "odd"))
		case 15:
			add(strings.ToUpper(m.key), m.value(t))
		default:
			add(m.key, m.value(t))
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "an extension") == 9 {
		add(rapid.SampledFrom([]string{"x", "time", "dataschema", "data_base64", "emails", "profile_id", "attributes"}).Draw(t, "key"), rapid.SampledFrom(odd).Draw(t, "odd"))
	}
	return "{" + strings.Join(rapid.Permutation(parts).Draw(t, "order"), ",") + "}"
}

func constant(values ...string) func(*rapid.T) string {
	return func(t *rapid.T) string { return spelled(t, rapid.SampledFrom(values).Draw(t, "constant")) }
}

func raw(values ...string) func(*rapid.T) string {
	return func(t *rapid.T) string { return rapid.SampledFrom(values).Draw(t, "raw") }
}

func profileValue(t *rapid.T) string { return text(t, profiles) }
func segmentValue(t *rapid.T) string { return text(t, segments) }

// drawEvent draws an event that is good, or nearly.
func drawEvent(t *rapid.T) []byte {
	kinds := []string{segment.TypeMembership, segment.TypeRefreshed, segment.TypeErased}
	which := rapid.IntRange(0, 2).Draw(t, "kind")
	data := [][]member{
		{
			{"segment_id", segmentValue},
			{"profile_id", profileValue},
			{"change", constant("entered", "entered", "exited", "exited", "Entered", "entered ")},
			{"attributes", raw(`{"email":"ada@example.com"}`, `{}`, `{ }`, `null`, `[]`, `{"a":1,"a":[{"b":null}]}`)},
		},
		{{"segment_id", segmentValue}, {"first_sequence", raw(numbers...)}, {"count", raw("0", "3", "1e1", "2.50")}},
		{
			{"profile_id", profileValue},
			{"emails", raw(`[]`, `["ada@example.com"]`, `[ "a" , "\u0062" ]`, `null`, `["a",null]`, `[1]`, `[["a"]]`, `"a"`)},
		},
	}[which]
	return []byte(build(t, []member{
		{"specversion", constant("1.0")},
		{"id", func(t *rapid.T) string { return text(t, []string{"5f0c", "x"}) }},
		{"source", func(t *rapid.T) string { return text(t, []string{"/segmentation/eu-1"}) }},
		{"type", constant(kinds[which], kinds[which], kinds[which], kinds[which], kinds[which], kinds[which], kinds[(which+1)%3], "rollcall.membership.changed.v2")},
		{"time", constant("2026-11-23T13:00:00.123Z", "yesterday")},
		{"data", func(t *rapid.T) string { return build(t, data) }},
	}))
}

func TestDecoderAndSchemasAcceptAndRefuseTheSameEvents(t *testing.T) {
	schema, decoder := eventSchema(t), &segment.Decoder{}
	accepted, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		body := drawEvent(rt)
		if _, problem := decoder.Decode("", nil, body); problem == nil {
			accepted++
		} else {
			refused++
		}
		if difference := disagree(decoder, schema, body); difference != "" {
			rt.Fatal(difference)
		}
	})
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted == 0 || refused == 0 {
		t.Errorf("%d were accepted and %d refused: the test says nothing", accepted, refused)
	}
}

// Both directions with every number that a member may hold: what is whole in JSON Schema's eyes is whole in
// ours, however it is spelled.
func TestWholeNumbersAreThoseOfJSONSchema(t *testing.T) {
	schema, decoder := eventSchema(t), &segment.Decoder{}
	const form = `{"specversion":"1.0","id":"1","source":"s","type":"rollcall.segment.refreshed.v1","data":{"segment_id":"s","first_sequence":%s,"count":0}}`
	check := func(t interface{ Fatal(...any) }, number string) {
		if difference := disagree(decoder, schema, fmt.Appendf(nil, form, number)); difference != "" {
			t.Fatal(difference)
		}
	}
	for _, number := range numbers {
		check(t, number)
	}
	for number, want := range map[string]uint64{
		"3": 3, "3.0": 3, "30e-1": 3, "0.03e2": 3, "-0": 0, "0e99": 0, "18446744073709551615": 18446744073709551615,
		"1" + strings.Repeat("0", 5000) + "e-5000": 1, "0." + strings.Repeat("0", 5000) + "7e5001": 7,
	} {
		check(t, number)
		ev, problem := decoder.Decode("", nil, fmt.Appendf(nil, form, number))
		if problem != nil || ev.FirstSequence != want {
			t.Errorf("%.20s is %d, %+v; want %d", number, ev.FirstSequence, problem, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		digits := strconv.FormatUint(rapid.Uint64().Draw(t, "digits"), 10)
		if point := rapid.IntRange(0, len(digits)).Draw(t, "point"); point > 0 && point < len(digits) {
			digits = digits[:point] + "." + digits[point:]
		}
		if e := rapid.SampledFrom([]string{"", "e", "E+", "e-"}).Draw(t, "e"); e != "" {
			digits += e + strconv.Itoa(rapid.IntRange(0, 30).Draw(t, "exponent"))
		}
		check(t, digits)
	})
}

func FuzzDecoderAgreesWithTheSchemas(f *testing.F) {
	examples, err := schemas.Events()
	if err != nil {
		f.Fatal(err)
	}
	for _, example := range examples {
		f.Add(example.Body)
		if json.Valid(example.Body) {
			var small bytes.Buffer
			if err := json.Compact(&small, example.Body); err != nil {
				f.Fatal(err)
			}
			f.Add(small.Bytes())
		}
	}
	schema := eventSchema(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var decoder segment.Decoder
		if difference := disagree(&decoder, schema, body); difference != "" {
			t.Fatal(difference)
		}
	})
}
