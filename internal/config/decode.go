package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder walks the file along the table of keys, and collects every problem instead of stopping at one.
type decoder struct {
	env       LookupEnv
	anchors   map[string]ast.Node
	positions map[string]position // of each key that the file holds, by its path with indexes
	problems  []Problem
}

type position struct{ line, column int }

// place is where the walk is: in the table, and in the file.
type place struct {
	key key
	at  string // the path with indexes
}

func newDecoder(env LookupEnv) *decoder {
	return &decoder{env: env, anchors: map[string]ast.Node{}, positions: map[string]position{}}
}

// Visit notes the anchors, so that an alias finds its value.
func (d *decoder) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		d.anchors[anchor.Name.String()] = anchor.Value
	}
	return d
}

// value follows anchors, aliases and tags to what they stand for.
func (d *decoder) value(node ast.Node) ast.Node {
	for range 10 { // an alias of an alias is rare, an endless one an attack
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.TagNode:
			node = n.Value
		case *ast.AliasNode:
			node = d.anchors[n.Value.String()]
		default:
			return node
		}
	}
	return nil
}

func (d *decoder) fail(at, format string, arguments ...any) {
	pos := d.near(at)
	d.problems = append(d.problems, Problem{
		Line: pos.line, Column: pos.column, Key: at, Message: fmt.Sprintf(format, arguments...),
	})
}

// near is the position of a path, or of the closest one above it that the file holds.
func (d *decoder) near(at string) position {
	for {
		if pos, ok := d.positions[at]; ok {
			return pos
		}
		cut := strings.LastIndexAny(at, ".[")
		if cut < 0 {
			return d.positions[""]
		}
		at = at[:cut]
	}
}

func (d *decoder) has(at string) bool { _, ok := d.positions[at]; return ok }

func (d *decoder) note(at string, node ast.Node) {
	if node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return
	}
	pos := node.GetToken().Position
	if mapping, ok := node.(*ast.MappingNode); ok && !mapping.IsFlowStyle && len(mapping.Values) > 0 {
		pos = mapping.Values[0].Key.GetToken().Position // a block's own token is its first colon
	}
	d.positions[at] = position{line: pos.Line, column: pos.Column}
}

// any reads one value of whatever kind the table says.
func (d *decoder) any(p place, node ast.Node, target reflect.Value) {
	node = d.value(node)
	if _, null := node.(*ast.NullNode); null || node == nil {
		d.fail(p.at, "has no value: give it one, or take the key out")
		return
	}
	switch p.key.kind {
	case kindObject:
		d.object(p, node, target)
	case kindList:
		d.list(p, node, target)
	case kindMap:
		d.texts(p, node, target)
	default:
		d.scalar(p, node, target)
	}
}

func (d *decoder) object(p place, node ast.Node, target reflect.Value) {
	entries, ok := d.entries(p, node)
	if !ok {
		return
	}
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
		target = target.Elem()
	}
	for _, k := range children(p.key.path) {
		_, name, _ := split(k.path)
		child, at := entries[name], below(p.at, name)
		delete(entries, name)
		if child != nil {
			slot := field(target, name)
			d.any(place{key: k, at: at}, child, slot)
			keep(target, name, slot)
		} else {
			d.absent(place{key: k, at: at}, target, name)
		}
	}
	for name := range entries {
		d.fail(below(p.at, name), "unknown key%s", suggestion(name, p.key.path))
	}
}

// entries are a mapping's values by key; each key's position is noted.
func (d *decoder) entries(p place, node ast.Node) (map[string]ast.Node, bool) {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		d.fail(p.at, "must be a mapping of keys to values, not %s", describe(node))
		return nil, false
	}
	entries := make(map[string]ast.Node, len(mapping.Values))
	for _, entry := range mapping.Values {
		if entry.Key.IsMergeKey() {
			d.note(below(p.at, "<<"), entry.Key)
			d.fail(below(p.at, "<<"), "merge keys are not read: write the keys out")
			continue
		}
		name := keyName(entry.Key)
		d.note(below(p.at, name), entry.Key)
		entries[name] = entry.Value
	}
	return entries, true
}

// absent fills in what the file leaves out.
func (d *decoder) absent(p place, parent reflect.Value, name string) {
	switch {
	case p.key.required:
		d.fail(p.at, "is missing: %s", lowerFirst(p.key.text))
	case p.key.kind == kindObject && p.key.path == "destinations[].mapping":
		field(parent, name).Set(reflect.ValueOf(DefaultMapping()))
	case p.key.kind == kindObject && field(parent, name).Kind() != reflect.Pointer:
		for _, k := range children(p.key.path) {
			if _, child, _ := split(k.path); !k.required {
				d.absent(place{key: k, at: below(p.at, child)}, field(parent, name), child)
			}
		}
	case p.key.def != "":
		if err := assign(p.key, p.key.def, field(parent, name)); err != nil {
			panic("config: the default of " + p.key.path + " breaks its own rule: " + err.Error())
		}
	}
}

func (d *decoder) list(p place, node ast.Node, target reflect.Value) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(p.at, "must be a list, not %s", describe(node))
		return
	}
	if len(sequence.Values) == 0 && p.key.min != "" {
		d.fail(p.at, "is an empty list: name at least %s", p.key.min)
	}
	item := lookUp(p.key.path + "[]")
	items := reflect.MakeSlice(target.Type(), len(sequence.Values), len(sequence.Values))
	for i, value := range sequence.Values {
		at := fmt.Sprintf("%s[%d]", p.at, i)
		d.note(at, d.value(value))
		d.any(place{key: item, at: at}, value, items.Index(i))
	}
	target.Set(items)
}

func (d *decoder) texts(p place, node ast.Node, target reflect.Value) {
	entries, ok := d.entries(p, node)
	if !ok {
		return
	}
	item := lookUp(p.key.path + ".*")
	texts := reflect.MakeMap(target.Type())
	for name, value := range entries {
		at := below(p.at, name)
		if !matches(p.key.names, name) {
			d.fail(at, "is no name that fits %s", p.key.names)
			continue
		}
		text := reflect.New(target.Type().Elem()).Elem()
		d.any(place{key: item, at: at}, value, text)
		texts.SetMapIndex(reflect.ValueOf(name), text)
	}
	target.Set(texts)
}
