package publish

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// delimiters are what separates columns in the files that people have.
const delimiters = ",;\t|"

// DelimiterName is a delimiter as people and --delimiter call it.
func DelimiterName(d byte) string {
	if d == '\t' {
		return "tab"
	}
	return string(rune(d))
}

// ParseDelimiter reads what separates columns: one character, or tab. Empty is found by the header.
func ParseDelimiter(text string) (byte, error) {
	switch text {
	case "":
		return 0, nil
	case "tab", `\t`:
		return '\t', nil
	}
	if len(text) != 1 || text[0] <= ' ' && text[0] != '\t' || text[0] >= 0x7f || text[0] == '"' {
		return 0, fmt.Errorf("%q separates no columns: give one character such as ; or the word tab", text)
	}
	return text[0], nil
}

// findDelimiter looks at the header. A first line "sep=;", which some spreadsheets read, says it.
func findDelimiter(l *lines) (byte, error) {
	for {
		first, err := l.next()
		if err != nil || first.long {
			if err == io.EOF { //nolint:errorlint // next returns it as it is
				return ',', nil
			}
			l.unread([]line{first})
			return ',', err
		}
		if len(first.text) == 0 {
			continue
		}
		if sep, ok := bytes.CutPrefix(first.text, []byte("sep=")); ok && len(sep) == 1 {
			return sep[0], nil
		}
		l.unread([]line{{first.number, bytes.Clone(first.text), first.long}})
		return delimiterOf(first.text)
	}
}

// delimiterOf is the delimiter that stands most often in a header, outside of quotes.
func delimiterOf(header []byte) (byte, error) {
	var counts [len(delimiters)]int
	quoted := false
	for _, c := range header {
		if c == '"' {
			quoted = !quoted
		} else if at := strings.IndexByte(delimiters, c); at >= 0 && !quoted {
			counts[at]++
		}
	}
	best := 0
	for at, n := range counts {
		if n > counts[best] {
			best = at
		}
	}
	for at, n := range counts {
		if at != best && n > 0 && n == counts[best] {
			return 0, fmt.Errorf("%w: its header may be separated by %s or by %s: say which with --delimiter", ErrInput,
				DelimiterName(delimiters[min(at, best)]), DelimiterName(delimiters[max(at, best)]))
		}
	}
	return delimiters[best], nil
}
