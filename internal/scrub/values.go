package scrub

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Known is what was sent or asked, and must not be in what is said of it: the values by their first words, because an answer may
// complain thousands of times about a request of many thousand values.
type Known map[string][]string

// Sent is what a JSON document holds as values.
func Sent(document []byte) Known { return known(Values(document, false)) }

func known(values []string) Known {
	k := make(Known, len(values))
	for _, value := range values {
		value = strings.TrimSpace(value)
		if first := firstWord(strings.ToLower(value)); first != "" && utf8.RuneCountInString(value) > 1 {
			k[first] = append(k[first], value)
		}
	}
	return k
}

// without cuts each value wherever it stands by itself, in whatever case.
func (k Known) without(text string) string {
	if len(k) == 0 {
		return text
	}
	for _, first := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !wordly(r) }) {
		for _, value := range k[first] {
			text = withoutOne(text, value)
		}
	}
	return text
}

func withoutOne(text, value string) string {
	var b strings.Builder
	at := 0
	for _, span := range regexp.MustCompile(`(?i)`+regexp.QuoteMeta(value)).FindAllStringIndex(text, -1) {
		if alone(text, span[0], span[1]) {
			b.WriteString(text[at:span[0]] + cut)
			at = span[1]
		}
	}
	return b.String() + text[at:]
}

func firstWord(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !wordly(r) })
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// Values are the texts that a JSON document holds as values, and with keys also those that name them. It reads what can be read
// of one that is damaged.
func Values(document []byte, keys bool) []string {
	var values []string
	for at := 0; at < len(document); {
		begin := bytes.IndexByte(document[at:], '"')
		if begin < 0 {
			break
		}
		begin += at
		end := literal(document, begin)
		at = end
		if !keys && bytes.HasPrefix(bytes.TrimLeft(document[end:], " \t\r\n"), []byte(":")) {
			continue
		}
		raw := document[begin:end]
		if bytes.IndexByte(raw, '\\') < 0 && len(raw) > 1 {
			values = append(values, string(bytes.Trim(raw, `"`)))
			continue
		}
		var value string
		if json.Unmarshal(raw, &value) == nil {
			values = append(values, value)
		}
	}
	return values
}

// literal gives the end of the text that begins at a quotation mark.
func literal(document []byte, begin int) int {
	for i := begin + 1; i < len(document); i++ {
		switch document[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(document)
}
