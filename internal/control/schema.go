package control

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// shapes are the arguments and the answers of the commands that have any.
var shapes = map[Command]struct{ args, answer any }{
	Status:  {struct{}{}, StatusAnswer{}},
	Explain: {ExplainArgs{}, ExplainAnswer{}},
	Waiting: {WaitingArgs{}, WaitingAnswer{}},
	Pause:   {struct{}{}, struct{}{}},
	Resume:  {struct{}{}, struct{}{}},
	Flush:   {struct{}{}, struct{}{}},
	Approve: {ApproveArgs{}, struct {
		Count  int    `json:"count"`
		Digest string `json:"digest,omitempty"`
	}{}},
	Replay:   {ReplayArgs{}, ReplayAnswer{}},
	Verify:   {StandArgs{}, StandAnswer{}},
	Retry:    {LetterFilter{}, RetryAnswer{}},
	Discard:  {LetterFilter{}, RetryAnswer{}},
	Backup:   {LedgerArgs{}, LedgerAnswer{}},
	Standing: {struct{}{}, Replica{}},
}

// Schema is the JSON Schema of a command's request and answer: one document with both under $defs. False is
// a command without any.
func Schema(command Command) (map[string]any, bool) {
	shape, ok := shapes[command]
	if !ok {
		return nil, false
	}
	request := schemaOf(reflect.TypeFor[Request]())
	request["additionalProperties"] = false
	args := schemaOf(reflect.TypeOf(shape.args))
	args["additionalProperties"] = false // an older consumer must not do half of what a newer operator wants
	request["properties"].(map[string]any)["args"] = args
	if command.Changes() {
		request["required"] = []string{"destination", "who"}
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "rollcall.control.<destination>." + string(command),
		"$defs": map[string]any{"request": request, "answer": schemaOf(reflect.TypeOf(shape.answer))},
	}, true
}

// SchemaOf is the JSON Schema of a value's type: what programs read of answers that are printed.
func SchemaOf(title string, value any) map[string]any {
	schema := schemaOf(reflect.TypeOf(value))
	schema["$schema"], schema["title"] = "https://json-schema.org/draft/2020-12/schema", title
	return schema
}

// schemaOf describes a type as encoding/json writes it. Keys may be added to answers: readers pass them over.
func schemaOf(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{}
	}
	switch t.Kind() { //nolint:exhaustive // the others are numbers, or not part of any message
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Interface:
		return map[string]any{}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		fieldsOf(t, properties, &required)
		schema := map[string]any{"type": "object", "properties": properties}
		if len(required) > 0 {
			schema["required"] = required
		}
		return schema
	}
	return map[string]any{"type": "integer"}
}

func fieldsOf(t reflect.Type, properties map[string]any, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			fieldsOf(f.Type, properties, required)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		properties[name] = schemaOf(f.Type)
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}
