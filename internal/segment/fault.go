package segment

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// What follows says why bytes can't be read. It runs for what is refused already, so it may take its time, and it never shows a value.

// Fault says why raw is no JSON object, naming the byte (from 1) where that is seen. what is the subject of its sentence: "the body".
// raw is known to be none.
func Fault(what string, raw []byte) string {
	switch trimmed := bytes.TrimSpace(raw); {
	case len(trimmed) == 0:
		return what + " is empty"
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return what + " begins with a byte order mark: leave it out"
	case json.Valid(raw) && trimmed[0] == '{':
		return what + " nests deeper than " + strconv.Itoa(maxDepth) + " levels"
	case json.Valid(raw):
		return what + " is " + typeOf(trimmed) + ", no JSON object"
	}
	var syntax *json.SyntaxError
	var value json.RawMessage
	if err := json.Unmarshal(raw, &value); !errors.As(err, &syntax) {
		return what + " is no JSON object"
	}
	at := max(int(syntax.Offset)-1, 0)
	if int(syntax.Offset) >= len(raw) && cutOff(raw) {
		return what + " is cut off: its JSON ends too early, behind byte " + strconv.Itoa(len(raw))
	}
	return what + " is no JSON at byte " + strconv.Itoa(at+1) + foreignWord(raw, at)
}

// cutOff reports whether JSON that goes on would be valid up to here.
func cutOff(raw []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for {
		if _, err := decoder.Token(); err != nil {
			var syntax *json.SyntaxError
			return !errors.As(err, &syntax)
		}
	}
}

// foreignWord names what other languages write and JSON does not have.
func foreignWord(raw []byte, at int) string {
	if value := json.NewDecoder(bytes.NewReader(raw)); at > 0 && value.Decode(new(json.RawMessage)) == nil {
		return ": something stands behind the object"
	}
	rest := raw[at:]
	for _, known := range []struct{ word, help string }{
		{"NaN", ": NaN is no JSON, send null"},
		{"Infinity", ": Infinity is no JSON, send null"},
		{"True", ": true is written with a small letter"},
		{"False", ": false is written with a small letter"},
		{"None", ": None is no JSON, send null"},
		{"undefined", ": undefined is no JSON, send null"},
		{"'", ": texts stand in double quotes"},
		{"}", ": a comma stands before a closing bracket, or a value is missing"},
		{"]", ": a comma stands before a closing bracket, or a value is missing"},
	} {
		if bytes.HasPrefix(rest, []byte(known.word)) {
			return known.help
		}
	}
	if len(rest) > 0 && rest[0] < ' ' {
		return ": a control character has to be escaped"
	}
	return ""
}

// typeOf names the type of a JSON value as it stands; "absent" is none.
func typeOf(value []byte) string {
	if len(value) == 0 {
		return "missing"
	}
	switch value[0] {
	case '"':
		return "a text"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// NoText says why a JSON value is no text that can be used: it is missing, of another type, or empty. name begins its sentence.
func NoText(name string, value []byte) string {
	switch kind := typeOf(value); kind {
	case "missing":
		return name + " is missing"
	case "null":
		return name + " is null"
	case "a text":
		return name + " is empty"
	default:
		return name + " is " + kind + ": send it as text, in quotes"
	}
}

// noText says it of an attribute of the envelope, which may have come in a header.
func (d *Decoder) noText(name string, value []byte) string {
	if d.plain {
		return name + " is missing"
	}
	return NoText(name, value)
}

// noProfile says why an id is none. text is its text, where it is one.
func noProfile(name string, value, text []byte) string {
	switch {
	case len(text) == 0:
		return NoText(name, value)
	case bytes.ContainsFunc(text, control):
		return name + " holds a control character"
	}
	return name + " is longer than 200 characters"
}

func control(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }

// noSegment says why a segment's id is none.
func noSegment(name string, value, text []byte) string {
	if len(text) == 0 {
		return NoText(name, value)
	}
	return name + " " + NoSegment(string(text))
}

// NoSegment says why a text is no segment's id; "" where it is one.
func NoSegment(id string) string {
	switch {
	case ValidToken([]byte(id)):
		return ""
	case id == "":
		return "is missing"
	case len(id) > 64:
		return "is longer than 64 characters"
	}
	return "holds something else than letters, digits, _ and -"
}

// noOther says why a member that has to be an object, an array or a whole number is none.
func noOther(name, wanted string, value []byte) string {
	kind := typeOf(value)
	if kind == "a number" && wanted == "whole number" {
		return name + " is no whole number from 0 on"
	}
	if kind == "missing" || kind == "null" {
		return name + " is " + kind
	}
	return name + " is " + kind + ", no " + wanted
}
