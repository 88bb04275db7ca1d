package model

import (
	"fmt"
	"strings"
)

// Op is one operation of a story: a verb and what it is about.
type Op struct {
	Verb string
	Args []string
}

// Story is what happens to a destination, in order.
type Story []Op

func op(verb string, args ...string) Op { return Op{verb, args} }

// String writes the story as text, one operation a line.
func (s Story) String() string {
	var b strings.Builder
	for _, o := range s {
		b.WriteString(strings.Join(append([]string{o.Verb}, o.Args...), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// Parse reads a story's text. Lines that are empty or begin with # say nothing.
func Parse(text string) (Story, error) {
	var s Story
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if _, known := verbs[words[0]]; !known {
			return nil, fmt.Errorf("line %d: no operation is called %q", n+1, words[0])
		}
		s = append(s, Op{words[0], words[1:]})
	}
	return s, nil
}

// arg returns an argument, or "" where there is none.
func (o Op) arg(i int) string {
	if i < len(o.Args) {
		return o.Args[i]
	}
	return ""
}

// pairs reads the arguments of the form name=value from the i-th on.
func (o Op) pairs(i int) [][2]string {
	var out [][2]string
	for _, a := range o.Args[min(i, len(o.Args)):] {
		if name, value, ok := strings.Cut(a, "="); ok {
			out = append(out, [2]string{name, value})
		}
	}
	return out
}
