package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// orReference lets a text that is expanded later pass an editor's check.
const orReference = `|\$\{`

// Schema is the JSON Schema of the file, for editors; schemas/config.schema.json is its output. It says
// what one key may hold. Rules over more keys than one, ranges of durations and what a variable expands
// to are the loader's alone.
func Schema() []byte {
	root := schemaOf(keys[0])
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Rollcall configuration"
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		panic("config: the schema can't be encoded: " + err.Error()) // maps of strings and numbers
	}
	return out.Bytes()
}

func schemaOf(k key) map[string]any {
	schema := map[string]any{"description": describeKey(k)}
	if k.def != "" {
		schema["default"] = defaultOf(k)
	}
	switch k.kind {
	case kindObject:
		objectSchema(schema, k)
	case kindList:
		item := lookUp(k.path + "[]")
		schema["type"], schema["items"] = "array", schemaOf(item)
		if k.min != "" {
			schema["minItems"] = json.Number(k.min)
		}
		if item.kind == kindText {
			schema["uniqueItems"] = true
		}
	case kindMap:
		item := lookUp(k.path + ".*")
		schema["type"], schema["additionalProperties"] = "object", schemaOf(item)
		schema["propertyNames"] = map[string]any{"pattern": k.names}
	case kindInteger, kindNumber:
		schema["type"] = string(k.kind)
		if k.min != "" {
			schema["minimum"] = json.Number(k.min)
		}
		if k.max != "" {
			schema["maximum"] = json.Number(k.max)
		}
	default:
		textSchema(schema, k)
	}
	return schema
}

func objectSchema(schema map[string]any, k key) {
	properties, required := map[string]any{}, []string{}
	for _, child := range children(k.path) {
		_, name, _ := split(child.path)
		properties[name] = schemaOf(child)
		if child.required {
			required = append(required, name)
		}
	}
	schema["type"], schema["properties"], schema["additionalProperties"] = "object", properties, false
	if len(required) > 0 {
		schema["required"] = required
	}
	switch k.path {
	case "accounts[]":
		schema["oneOf"] = []any{
			map[string]any{"required": []string{"api_key"}},
			map[string]any{"required": []string{"api_key_file"}},
		}
	case "nats":
		schema["not"] = map[string]any{"anyOf": []any{
			map[string]any{"required": []string{"url", "context"}},
			map[string]any{"required": []string{"url", "embedded"}},
			map[string]any{"required": []string{"context", "embedded"}},
			map[string]any{"required": []string{"creds_file", "nkey_file"}},
		}}
	}
}

func textSchema(schema map[string]any, k key) {
	schema["type"] = "string"
	switch {
	case k.path == apiKeyPath:
		schema["pattern"] = `^\s*(\$\{[A-Za-z_][A-Za-z0-9_]*\}\s*)+$`
	case k.enum != nil:
		schema["pattern"] = "^(" + strings.Join(k.enum, "|") + ")$" + orReference
	case k.kind == kindDuration:
		// 0 is the one duration that needs no unit.
		delete(schema, "type")
		schema["anyOf"] = []any{
			map[string]any{"type": "string", "pattern": durationPattern + orReference},
			map[string]any{"const": 0},
		}
	case k.kind == kindDate:
		schema["pattern"] = datePattern + orReference
	case k.pattern != "":
		schema["pattern"] = k.pattern + orReference
	}
}

func describeKey(k key) string {
	text := k.text
	switch {
	case k.kind == kindDuration && (k.min != "" || k.max != ""):
		text += fmt.Sprintf(" %s.", strings.ToUpper(expected(k)[:1])+expected(k)[1:])
	case k.unit != "":
		text += fmt.Sprintf(" Unit: %s.", k.unit)
	}
	return text
}

func defaultOf(k key) any {
	if k.kind == kindInteger || k.kind == kindNumber {
		if _, err := strconv.ParseFloat(k.def, 64); err == nil {
			return json.Number(k.def)
		}
	}
	return k.def
}
