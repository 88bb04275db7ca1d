package publish

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
)

func utf16Text(text string, big bool) string {
	var out strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		high, low := byte(u>>8), byte(u)
		if big {
			out.Write([]byte{high, low})
		} else {
			out.Write([]byte{low, high})
		}
	}
	return out.String()
}

// What can't be rows is refused as a whole and by its name, not row by row.
func TestAFileThatIsNoTextIsRefusedByWhatItIs(t *testing.T) {
	const rows = "profile_id,email\nada,ada@example.com\n"
	for in, want := range map[string]string{
		"\xff\xfe" + utf16Text(rows, false): "it seems to be utf-16le, not UTF-8", "\xfe\xff" + utf16Text(rows, true): "it seems to be utf-16be, not UTF-8",
		utf16Text(rows, false): "it seems to be utf-16le, not UTF-8", utf16Text(rows, true): "it seems to be utf-16be, not UTF-8",
		"\xff\xfe\x00\x00p\x00\x00\x00": "it is UTF-32", "PK\x03\x04\x14\x00": "a spreadsheet (.xlsx)", "\xd0\xcf\x11\xe0\xa1\xb1": "an old spreadsheet",
		"%PDF-1.7\n": "a PDF", "profile_id,email\na,b\x00\n": "it is no text: byte 21 is zero",
	} {
		err := Read(strings.NewReader(in), entering, func(Item) error { t.Errorf("%.20q: a row is read", in); return nil })
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", in, err, want)
		}
	}
}

// Lines may end with CR alone, as spreadsheets save them "for Macintosh".
func TestLinesMayEndWithCRAlone(t *testing.T) {
	expect(t, "profile_id,email\ra,a@example.com\rb,\"two\rlines\"\r\rc,c@example.com", entering,
		`2: seg a entered {"email":"a@example.com"}`, `3: seg b entered {"email":"two\nlines"}`, `6: seg c entered {"email":"c@example.com"}`)
	expect(t, "{\"profile_id\":\"a\",\"attributes\":{}}\r{\"profile_id\":\"b\",\"attributes\":{}}\r", entering, "1: seg a entered {}", "2: seg b entered {}")
	expect(t, "profile_id,email\r\na,\"x\ry\"\r\n", entering, `2: seg a entered {"email":"x\u000dy"}`)
}

// What stands in a line and would be lost without a word refuses the line.
func TestALineThatCannotHaveBeenMeantIsRefused(t *testing.T) {
	expect(t, strings.Join([]string{
		`{"profile_id":4711,"attributes":{}}`,
		`{"profile":"a","attributes":{}}`,
		`{"profile_id":"a","email":"a@example.com"}`,
		`{"profile_id":"a","change":"exited","email":"a@example.com"}`,
		`{"profile_id":"a","change":"left","attributes":{}}`,
		`{"profile_id":"a","change":true,"attributes":{}}`,
		`{"profile_id":"a","segment_id":7,"attributes":{}}`,
		`{"profile_id":"a","attributes":{"n":NaN}}`,
		`{"profile_id":"a","attributes":{"n":1`,
		strings.Replace(cloudEvent("rollcall.membership.changed.v1", `{"segment_id":"s","profile_id":"a","change":"exited"}`), "2026-01-02T03:04:05Z", "yesterday", 1),
		`{"profile_id":"a","change":"exited"}`,
	}, "\n"), entering,
		"1: schema: profile_id is a number: send it as text, in quotes", "2: schema: profile_id is missing",
		"3: schema: there are no attributes, and other members stand beside profile_id: put them into attributes",
		"4: schema: there are no attributes, and other members stand beside profile_id: put them into attributes",
		"5: schema: change is neither entered nor exited", "6: schema: change is a boolean: send it as text, in quotes",
		"7: schema: segment_id is a number: send it as text, in quotes", "8: unreadable: the line is no JSON at byte 37: NaN is no JSON, send null",
		"9: unreadable: the line is cut off: its JSON ends too early, behind byte 37", "10: schema: time is no RFC 3339 time", "11: seg a exited ")
}
