// Package schemas holds the public contract as documents for programs: a JSON Schema (2020-12) of each
// event, of a dead letter's headers, of a receipt and of the configuration, an AsyncAPI 3 document of the
// channels they travel on, and examples of each, good and refused.
//
// It guarantees that the documents it hands out are the files that stand beside it. That they say what
// the code does is held by tests: the decoder and the schemas accept and refuse the same events, and
// config.schema.json is the output of the loader's own table.
//
// A schema sees the body alone. It cannot say that a subject disagrees with its event, that a body is
// larger than 65,536 bytes or nested deeper than 1,000 levels, nor what a destination's mapping makes of
// the attributes.
package schemas

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schemas.
const (
	Event         = "event.schema.json" // any of the three below
	Membership    = "membership.schema.json"
	Refreshed     = "refreshed.schema.json"
	Erased        = "erased.schema.json"
	DeadLetter    = "dead-letter.schema.json" // its headers
	Receipt       = "receipt.schema.json"
	Configuration = "config.schema.json"
	Check         = "check.schema.json" // what `consumer check --json` prints
)

// AsyncAPI is the document of the channels.
const AsyncAPI = "asyncapi.json"

//go:embed *.json examples
var files embed.FS

// Files are all documents; the examples are below examples/.
func Files() fs.FS { return files }

// base is where the documents stand for each other's references; nothing is fetched from it.
const base = "file:///schemas/"

// Compile returns a schema that validates what jsonschema.UnmarshalJSON reads.
func Compile(name string) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list the schemas: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".schema.json") {
			continue
		}
		document, err := read(entry.Name())
		if err != nil {
			return nil, err
		}
		if err := compiler.AddResource(base+entry.Name(), document); err != nil {
			return nil, fmt.Errorf("schema %s: %w", entry.Name(), err)
		}
	}
	schema, err := compiler.Compile(base + name)
	if err != nil {
		return nil, fmt.Errorf("compile schema %s: %w", name, err)
	}
	return schema, nil
}

func read(name string) (any, error) {
	body, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read schema %s: %w", name, err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("read schema %s: %w", name, err)
	}
	return document, nil
}
