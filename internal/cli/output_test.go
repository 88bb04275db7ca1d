package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/internal/control"
	"rollcall/internal/demo"
	"rollcall/internal/desk"
	"rollcall/schemas"
)

// outputs are what the commands print with --json. Those that share a type share a schema; one by a schemas.… is written by hand.
var outputs = map[string]any{
	"status": statusAnswer{}, "explain": control.ExplainAnswer{}, "waiting": control.WaitingAnswer{},
	"dead-letters": control.LettersAnswer{}, "dead-letters list": control.LettersAnswer{}, "dead-letters show": control.LettersAnswer{},
	"dead-letters retry": control.RetryAnswer{}, "dead-letters discard": control.RetryAnswer{},
	"pause": doneAnswer{}, "resume": doneAnswer{}, "flush": doneAnswer{}, "rebase": doneAnswer{}, "remove": doneAnswer{}, "ledger restore": doneAnswer{},
	"approve": approvedAnswer{}, "replay": control.ReplayAnswer{}, "verify": verifyAnswer{},
	"ledger check": ledgerCheck{}, "ledger commands": control.LedgerAnswer{}, "ledger backup": desk.Backup{},
	"demo":  demo.Result{},
	"check": schemas.Check, "receipts": schemas.Receipt, // a receipt a line
}

// publications are what the publisher's commands print.
var publications = map[string]any{"publish": publisherSummary{}, "refresh": publisherSummary{}, "exit": publisherSummary{}, "erase": publisherSummary{}, "generate": publisherSummary{}}

const outputFolder = "../../schemas/output"

// The schemas are files, so that a change of what programs read is a diff in review.
func TestEveryOutputForProgramsHasItsSchema(t *testing.T) {
	t.Parallel()
	env := &Env{LookupEnv: func(string) (string, bool) { return "", false }}
	for _, program := range []struct {
		name    string
		outputs map[string]any
	}{{"consumer", outputs}, {"publisher", publications}} {
		root := Consumer(env)
		if program.name == "publisher" {
			root = Publisher(env)
		}
		without := maps.Clone(program.outputs)
		for path, command := range leaves(root) {
			if command.Flags().Lookup("json") == nil {
				continue
			}
			value, ok := program.outputs[path]
			if !ok {
				t.Errorf("the JSON of %s %s has no schema", program.name, path)
				continue
			}
			delete(without, path)
			if _, byHand := value.(string); !byHand {
				sameSchema(t, outputFile(program.name, path), control.SchemaOf(program.name+" "+path+" --json", value))
			}
		}
		for path := range without {
			t.Errorf("%s %s prints no JSON", program.name, path)
		}
	}
}

func outputFile(program, path string) string {
	return filepath.Join(outputFolder, program+"-"+strings.ReplaceAll(path, " ", "-")+".schema.json")
}

func sameSchema(t *testing.T, path string, schema map[string]any) {
	t.Helper()
	want, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if os.Getenv("ROLLCALL_UPDATE") == "1" {
		if err := os.MkdirAll(outputFolder, 0o755); err != nil {
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

// validOutput holds what a consumer's command printed against its schema.
func validOutput(t *testing.T, path, out string) {
	t.Helper()
	var schema *jsonschema.Schema
	var err error
	lines := []string{out}
	if byHand, ok := outputs[path].(string); ok {
		schema, err = schemas.Compile(byHand)
		if byHand == schemas.Receipt {
			lines = strings.Split(strings.TrimSpace(out), "\n")
		}
	} else {
		schema, err = jsonschema.NewCompiler().Compile(outputFile("consumer", path))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(line)))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			t.Errorf("what %s prints is not what its schema says: %v\n%s", path, err, line)
		}
	}
}
