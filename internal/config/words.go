package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// field finds the struct field of a key by its tag. A text field of Mapping has none: it gets a place of
// its own, which keep then enters into Fields.
func field(target reflect.Value, name string) reflect.Value {
	for i := range target.NumField() {
		if target.Type().Field(i).Tag.Get("yaml") == name {
			return target.Field(i)
		}
	}
	if target.Type() == reflect.TypeFor[Mapping]() {
		return reflect.New(reflect.TypeFor[string]()).Elem()
	}
	panic("config: the table has the key " + name + ", " + target.Type().String() + " has no field for it")
}

func keep(target reflect.Value, name string, value reflect.Value) {
	mapping, ok := reflect.TypeAssert[*Mapping](target.Addr())
	if !ok || !slices.Contains(textFields, name) {
		return
	}
	if mapping.Fields == nil {
		mapping.Fields = map[string]string{}
	}
	mapping.Fields[name] = value.String()
}

func below(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// keyName is a key as the file means it, without quotes.
func keyName(node ast.MapKeyNode) string {
	if text, ok := node.(*ast.StringNode); ok {
		return text.Value
	}
	return node.String()
}

func describe(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "this"
}

// hint says what to change where a value is a number and has to be text, or the other way round. Quotes help only where the value
// itself would do.
func hint(k key, text string, wantsText bool) string {
	switch {
	case k.kind == kindDuration:
		return ": a unit is missing, as in 1s"
	case wantsText && checkText(k, text) == nil:
		return ": put it in quotes"
	case wantsText:
		return ""
	case strings.Contains(text, "${"):
		return ": ${NAME} is expanded in text only"
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return ""
	}
	return ": take the quotes away"
}

func lowerFirst(text string) string {
	if text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + strings.TrimSuffix(text[1:], ".")
}

// suggestion names the known key that an unknown one is closest to, else all that are known there.
func suggestion(name, path string) string {
	var known []string
	best, distance := "", 3
	for _, k := range children(path) {
		_, child, _ := split(k.path)
		known = append(known, child)
		if d := edits(name, child); d < distance {
			best, distance = child, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %s?", best)
	}
	return ": known here are " + strings.Join(known, ", ")
}

// edits is the Levenshtein distance of two names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left, diagonal := i+1, i
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = min(diagonal, left, row[j+1]) + 1
			}
			diagonal, row[j], left = row[j+1], left, cost
		}
		row[len(b)] = left
	}
	return row[len(b)]
}
