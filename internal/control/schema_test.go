package control

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/internal/state"
)

// The schemas are files, so that a change of the public face is a diff in review.
func TestTheSchemasAreThoseOfTheTypes(t *testing.T) {
	for command := range shapes {
		schema, _ := Schema(command)
		want, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		path := filepath.Join("../../schemas/control", string(command)+".schema.json")
		if os.Getenv("ROLLCALL_UPDATE") == "1" {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), string(want)); diff != "" {
			t.Errorf("%s differs from the types (-file +types); ROLLCALL_UPDATE=1 writes it:\n%s", path, diff)
		}
	}
}

// compiled gives one definition of a command's schema.
func compiled(t *testing.T, command Command, definition string) *jsonschema.Schema {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("../../schemas/control", string(command)+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("file:///control.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("file:///control.json#/$defs/" + definition)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, value any) error {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(document)
}

func TestMessagesAreJudgedByTheirSchemas(t *testing.T) {
	now := time.Now()
	if err := validate(t, compiled(t, Explain, "answer"), ExplainAnswer{
		Destination: "newsletter",
		Contacts:    []ContactAnswer{{ContactStory: state.ContactStory{Email: "a@x", State: "clean", Due: &now}, Fields: map[string]string{"city": "X"}}},
		Profiles:    []state.ProfileStory{{Profile: "p", Memberships: []state.MembershipStory{{Segment: "s", Sequence: 3}}}},
	}); err != nil {
		t.Errorf("an answer: %v", err)
	}
	if err := validate(t, compiled(t, Status, "answer"), StatusAnswer{Destination: "newsletter", State: "running"}); err != nil {
		t.Errorf("a status: %v", err)
	}
	request := compiled(t, Explain, "request")
	if err := validate(t, request, map[string]any{"who": "ada@desk", "args": map[string]any{"person": "p", "live": true}}); err != nil {
		t.Errorf("a request: %v", err)
	}
	if err := validate(t, request, map[string]any{"args": map[string]any{"person": "p", "dance": true}}); err == nil {
		t.Error("an argument that nobody knows was taken")
	}
	if err := validate(t, compiled(t, Status, "answer"), map[string]any{"destination": "newsletter"}); err == nil {
		t.Error("a status without its state was taken")
	}
}
