package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar reads one value that has no parts. References are expanded in YAML strings only.
func (d *decoder) scalar(p place, node ast.Node, target reflect.Value) {
	text, isText := "", true
	switch n := node.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode:
		text, isText = fmt.Sprint(n.Value), false
	case *ast.FloatNode:
		text, isText = strconv.FormatFloat(n.Value, 'f', -1, 64), false
	default:
		d.fail(p.at, "must be %s, not %s", expected(p.key), describe(node))
		return
	}
	zero := p.key.kind == kindDuration && text == "0"
	if wantsText := p.key.kind != kindInteger && p.key.kind != kindNumber; wantsText != isText && !zero {
		d.fail(p.at, "must be %s, not %s%s", expected(p.key), describe(node), hint(p.key, text, wantsText))
		return
	}
	if isText {
		if p.key.path == apiKeyPath && !referencesOnly(text) {
			d.fail(p.at, "is a literal key: take it out of the file (and revoke it where the file was shared), and name an environment variable as ${NAME}, or use api_key_file")
			return
		}
		expanded, err := expand(text, d.env)
		if err != nil {
			d.fail(p.at, "%v", err)
			return
		}
		text = expanded
	}
	if err := assign(p.key, text, target); err != nil {
		d.fail(p.at, "%v", err)
	}
}

const apiKeyPath = "accounts[].api_key"

// assign parses a scalar's spelling, holds it against the key's rules, and sets it. The error does not
// repeat the value: it may come from the environment.
func assign(k key, text string, target reflect.Value) error {
	switch k.kind {
	case kindInteger:
		number, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			return fmt.Errorf("must be %s", expected(k))
		}
		if !within(k, float64(number), parseNumber) {
			return fmt.Errorf("is out of its range: it must be %s", expected(k))
		}
		if target.CanUint() {
			target.SetUint(uint64(number))
		} else {
			target.SetInt(number)
		}
	case kindNumber:
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || !within(k, number, parseNumber) {
			return fmt.Errorf("is out of its range: it must be %s", expected(k))
		}
		target.SetFloat(number)
	case kindDuration:
		span, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("must be %s", expected(k))
		}
		if !within(k, float64(span), parseSpan) || span < 0 {
			return fmt.Errorf("is out of its range: it must be %s", expected(k))
		}
		target.SetInt(int64(span))
	default:
		if err := checkText(k, text); err != nil {
			return err
		}
		target.SetString(text)
	}
	return nil
}

func checkText(k key, text string) error {
	switch {
	case k.enum != nil && !slices.Contains(k.enum, text):
		return fmt.Errorf("must be %s", expected(k))
	case k.kind == kindDate:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return fmt.Errorf("must be %s", expected(k))
		}
	case k.path == apiKeyPath && strings.TrimSpace(text) == "":
		return fmt.Errorf("is empty: the environment variable that it names is set, but holds nothing")
	case k.pattern != "" && !matches(k.pattern, text):
		if text == "" {
			return fmt.Errorf("is empty: %s", lowerFirst(k.text))
		}
		return fmt.Errorf("must fit the pattern %s", k.pattern)
	}
	return nil
}

func within(k key, value float64, parse func(string) float64) bool {
	return (k.min == "" || value >= parse(k.min)) && (k.max == "" || value <= parse(k.max))
}

func parseNumber(text string) float64 {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("config: a bound in the table is no number: " + text)
	}
	return number
}

func parseSpan(text string) float64 {
	span, err := time.ParseDuration(text)
	if err != nil {
		panic("config: a bound in the table is no duration: " + text)
	}
	return float64(span)
}

// expected says in words what a key takes.
func expected(k key) string {
	what := map[kind]string{
		kindText: "text", kindInteger: "a whole number", kindNumber: "a number",
		kindDuration: "a duration such as 30s, 5m or 720h", kindDate: "a date as 2026-11-01",
	}[k.kind]
	if k.unit != "" && k.unit != "share" {
		what += " of " + k.unit
	}
	if k.enum != nil {
		return "one of " + strings.Join(k.enum, ", ")
	}
	switch {
	case k.min != "" && k.max != "":
		return fmt.Sprintf("%s from %s to %s", what, k.min, k.max)
	case k.min != "":
		return fmt.Sprintf("%s, at least %s", what, k.min)
	}
	return what
}

var patterns sync.Map // of compiled patterns; the table's alone, so it is bounded

func matches(pattern, text string) bool {
	compiled, ok := patterns.Load(pattern)
	if !ok {
		compiled, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return compiled.(*regexp.Regexp).MatchString(text)
}
