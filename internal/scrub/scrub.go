// Package scrub takes persons out of text that comes from outside (the broker, SendGrid, the operating system) before it
// becomes a log line, an error, a status or an answer (I12).
//
// It guarantees that no e-mail address, no profile's key of a subject and none of the values that the caller names is left,
// whatever the rest says, and that a text scrubbed twice is the same as once. What else in free text is somebody's name nobody
// can tell: callers that know what was sent name its values, and what SendGrid quotes is cut unless it is a field's name.
package scrub

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cut stands where something was.
const cut = "…"

// Text cuts addresses, profiles' keys and the values out of a text, and control characters but line ends and tabs.
func Text(text string, values ...string) string { return known(values).Text(text) }

// Text cuts what the function Text does, and what is known.
func (k Known) Text(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	text = subject.ReplaceAllStringFunc(text, withoutKey)
	if hasAddress(text) {
		text = quotedLocal.ReplaceAllString(text, cut+"@")
		text = word.ReplaceAllStringFunc(text, withoutAddress)
	}
	return k.without(text)
}

// maxAnswer is how much of a text of SendGrid's is shown, in bytes.
const maxAnswer = 1000

// Answer is Text for what SendGrid says of a request that held what is known: what it quotes is cut too, unless it is the name
// of a field, and a text that never ends.
func (k Known) Answer(text string) string {
	text = k.Text(text)
	for _, q := range quoted {
		text = q.ReplaceAllStringFunc(text, func(found string) string {
			m := q.FindStringSubmatch(found)
			if fieldName.MatchString(m[2]) {
				return found
			}
			return strings.Replace(found, m[2], cut, 1)
		})
	}
	if len(text) > maxAnswer {
		text = strings.ToValidUTF8(text[:maxAnswer], "") + cut
	}
	return text
}

var (
	// subject finds the subjects that end in a profile's key.
	subject = regexp.MustCompile(`(?i)(segments\.membership\.[^.\s"'\\]+|segments\.erased|rollcall\.dead\.[^.\s"'\\]+)\.([^\s"'\\<>(),;]+)`)
	// word is what stands between white space, brackets and double quotes.
	word        = regexp.MustCompile(`[^\s<>"“”(),;\[\]{}]+`)
	quotedLocal = regexp.MustCompile(`\\?"[^"\n]*"(@|＠|%40)`)
	quoted      = []*regexp.Regexp{
		regexp.MustCompile(`(^|[\s(\[:=])'(.+?)'($|[^\pL\pN])`),
		regexp.MustCompile(`(\\?")([^"]+?)(\\?")`),
		regexp.MustCompile("(`)([^`]+)(`)"),
		regexp.MustCompile(`(“)([^”]+)(”)`),
	}
	// fieldName is what SendGrid's messages quote and nobody is called.
	fieldName = regexp.MustCompile(`^(contacts(\[\d+\])?(\.[a-z_0-9]+)*|email|emails|first_name|last_name|country|city|postal_code|` +
		`state_province_region|address_line_[12]|phone_number|phone_number_id|external_id|anonymous_id|custom_fields|` +
		`list_ids|contact_ids|ids|job_id|…)$`)
)

func withoutKey(found string) string {
	m := subject.FindStringSubmatch(found)
	if m[2] == "*" || m[2] == ">" || m[2] == cut {
		return found
	}
	return m[1] + "." + cut
}

func hasAddress(text string) bool {
	return strings.Contains(text, "@") || strings.Contains(text, "＠") || strings.Contains(text, "%40")
}

// withoutAddress cuts a word that holds an address. Of a URL the host stays: which broker it is has to be seen.
func withoutAddress(found string) string {
	if !hasAddress(found) {
		return found
	}
	if scheme, rest, isURL := strings.Cut(found, "://"); isURL && !hasAddress(scheme) {
		authority, path := rest, ""
		if at := strings.IndexAny(rest, "/?#"); at >= 0 {
			authority, path = rest[:at], rest[at:]
		}
		if at := strings.LastIndex(authority, "@"); at >= 0 {
			authority = cut + "@" + authority[at+1:]
		}
		if hasAddress(path) {
			path = path[:1] + cut
		}
		if !strings.Contains(authority, ",") { // of several servers the words are parted
			return scheme + "://" + authority + path
		}
	}
	const around = ".:!?'`"
	head := found[:len(found)-len(strings.TrimLeft(found, around))]
	tail := found[len(strings.TrimRight(found, around)):]
	return head + cut + tail
}

// alone reports whether no letter or digit goes on before or behind a part of a text.
func alone(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	return !wordly(before) && !wordly(after)
}

func wordly(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
