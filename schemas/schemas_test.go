package schemas

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/internal/segment"
)

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	schema, err := Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate is the schema's word on a body; what is no JSON is refused.
func validate(schema *jsonschema.Schema, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func TestEverySchemaCompiles(t *testing.T) {
	for _, name := range []string{Event, Membership, Refreshed, Erased, DeadLetter, Receipt, Configuration, Check} {
		compile(t, name)
	}
	if _, err := Compile("nowhere.schema.json"); err == nil {
		t.Error("a schema that is not there compiles")
	}
}

func TestEveryExampleOfAnEventIsAcceptedOrRefusedAsItSays(t *testing.T) {
	schema := compile(t, Event)
	examples, err := Events()
	if err != nil {
		t.Fatal(err)
	}
	var decoder segment.Decoder
	for _, example := range examples {
		refused := validate(schema, example.Body)
		if (refused != nil) != example.SchemaRefuses {
			t.Errorf("%s (%s): the schema says %v", example.File, example.Says, refused)
		}
		_, problem := decoder.Decode(example.Subject, nil, example.Body)
		switch {
		case example.SchemaRefuses || example.Reason == string(segment.ReasonSubjectMismatch):
			if problem == nil || string(problem.Reason) != example.Reason {
				t.Errorf("%s (%s): the decoder says %+v, want %s", example.File, example.Says, problem, example.Reason)
			}
		case problem != nil: // what a mapping refuses is good to the decoder
			t.Errorf("%s (%s): the decoder says %+v", example.File, example.Says, problem)
		}
	}
}

func TestTheIndexNamesEveryExampleAndEveryReasonThatAnEventCanHave(t *testing.T) {
	examples, err := Events()
	if err != nil {
		t.Fatal(err)
	}
	named, reasons := map[string]bool{"index.json": true}, map[string]bool{}
	for _, example := range examples {
		named[example.File] = true
		reasons[example.Reason] = true
		if example.Says == "" || example.Subject == "" || (example.Reason != "") != strings.HasPrefix(example.File, "refused/") {
			t.Errorf("example %+v", example)
		}
	}
	for _, p := range names(t, "examples/events") {
		if !named[strings.TrimPrefix(p, "examples/events/")] {
			t.Errorf("%s is not in the index", p)
		}
	}
	for _, reason := range segment.Reasons[1:8] { // too_large is a size, and the last ones are of a destination
		if !reasons[string(reason)] {
			t.Errorf("no example is refused as %s", reason)
		}
	}
}

// names are the files below a directory.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := fs.WalkDir(Files(), dir, func(p string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExamplesOfLettersAndReceiptsAreAcceptedOrRefusedAsTheirNamesSay(t *testing.T) {
	for dir, name := range map[string]string{"examples/dead-letters": DeadLetter, "examples/receipts": Receipt} {
		schema, good := compile(t, name), 0
		for _, p := range names(t, dir) {
			body, err := fs.ReadFile(Files(), p)
			if err != nil {
				t.Fatal(err)
			}
			refused := strings.HasPrefix(path.Base(p), "refused-")
			if err := validate(schema, body); (err != nil) != refused {
				t.Errorf("%s: the schema says %v", p, err)
			}
			if !refused {
				good++
			}
		}
		if good == 0 {
			t.Errorf("%s has no good example", dir)
		}
	}
}

func TestTheReasonsOfTheSchemaAreThoseOfTheCode(t *testing.T) {
	var document struct {
		Defs struct {
			Reason struct{ Enum []segment.Reason }
		} `json:"$defs"`
	}
	body, err := fs.ReadFile(Files(), DeadLetter)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	got := document.Defs.Reason.Enum
	if len(got) != len(segment.Reasons) {
		t.Fatalf("the schema has %d reasons, the code %d", len(got), len(segment.Reasons))
	}
	for i, reason := range segment.Reasons {
		if got[i] != reason {
			t.Errorf("reason %d is %s in the schema, %s in the code", i, got[i], reason)
		}
	}
}
