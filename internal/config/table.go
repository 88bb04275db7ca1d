package config

import "strings"

// children lists the keys right below a path, in the table's order.
func children(path string) []key {
	var below []key
	for _, k := range keys {
		if parent, _, ok := split(k.path); ok && parent == path {
			below = append(below, k)
		}
	}
	return below
}

// split parts a path into its parent's and its own name; the root and items of lists have no name.
func split(path string) (parent, name string, ok bool) {
	if path == "" || strings.HasSuffix(path, "[]") || strings.HasSuffix(path, ".*") {
		return "", "", false
	}
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
		return path[:dot], path[dot+1:], true
	}
	return "", path, true
}

// lookUp finds a path's key; one without a path where there is none.
func lookUp(path string) key {
	for _, k := range keys {
		if k.path == path {
			return k
		}
	}
	return key{}
}

// Default is one key of the file, as `consumer check --defaults` prints it.
type Default struct {
	Key      string `json:"key"` // [] is each item of a list, * each name of a map
	Type     string `json:"type"`
	Unit     string `json:"unit,omitempty"`
	Default  string `json:"default,omitempty"`
	Required bool   `json:"required,omitempty"`
	Text     string `json:"text"`
}

// Defaults lists every key that holds a value, with its unit and default.
func Defaults() []Default {
	var all []Default
	for _, k := range keys {
		if k.kind == kindObject || k.kind == kindMap || k.kind == kindList && !k.required {
			continue
		}
		if k.kind == kindList {
			if item := lookUp(k.path + "[]"); item.kind == kindObject {
				continue
			}
		}
		if strings.HasSuffix(k.path, "[]") {
			continue
		}
		all = append(all, Default{
			Key: k.path, Type: string(k.kind), Unit: k.unit, Default: k.def, Required: k.required, Text: k.text,
		})
	}
	return all
}
