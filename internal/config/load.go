package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// DefaultPath is the file that is read where neither --config nor ROLLCALL_CONFIG names one.
const DefaultPath = "rollcall.yaml"

// Load reads the file and holds it against every rule that can be judged from it alone. The error is an
// *Error with all problems found, for exit status 2.
func Load(path string, env LookupEnv) (*Config, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, env)
}

// Parse is Load for a text that was read already; path is for messages.
func Parse(path string, text []byte, env LookupEnv) (*Config, error) {
	d := newDecoder(env)
	cfg := &Config{Path: path}
	root, err := d.parse(path, text)
	if err != nil {
		return nil, err
	}
	d.any(place{key: keys[0]}, root, reflect.ValueOf(cfg).Elem())
	if len(d.problems) > 0 && isRoot(d.problems[0]) {
		return nil, d.failed(path) // nothing was read, so no rule can be judged
	}
	d.checkRules(cfg)
	return cfg, d.failed(path)
}

// LoadNATS reads the nats section alone, which is all that the publisher knows of the file: neither the
// other sections nor their environment variables need to be good.
func LoadNATS(path string, env LookupEnv) (NATS, error) {
	text, err := read(path)
	if err != nil {
		return NATS{}, err
	}
	d := newDecoder(env)
	root, err := d.parse(path, text)
	if err != nil {
		return NATS{}, err
	}
	cfg := &Config{}
	section := lookUp("nats")
	d.absent(place{key: section, at: "nats"}, reflect.ValueOf(cfg).Elem(), "nats")
	if entries, ok := d.entries(place{}, root); ok && entries["nats"] != nil {
		d.any(place{key: section, at: "nats"}, entries["nats"], reflect.ValueOf(&cfg.NATS).Elem())
	}
	if len(d.problems) == 0 || !isRoot(d.problems[0]) {
		d.checkNATS(&cfg.NATS)
	}
	return cfg.NATS, d.failed(path)
}

// LoadDestinations reads the destinations section alone, for who wants to know what they would make of an event: neither the other
// sections nor their environment variables need to be good.
func LoadDestinations(path string, env LookupEnv) ([]Destination, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	d := newDecoder(env)
	root, err := d.parse(path, text)
	if err != nil {
		return nil, err
	}
	cfg := &Config{}
	section := lookUp("destinations")
	if entries, ok := d.entries(place{}, root); ok && entries["destinations"] != nil {
		d.any(place{key: section, at: "destinations"}, entries["destinations"], reflect.ValueOf(&cfg.Destinations).Elem())
	}
	return cfg.Destinations, d.failed(path)
}

// DefaultNATS is the nats section of an empty file: what a command uses that was only told --nats-url.
func DefaultNATS() NATS {
	d, cfg := newDecoder(nil), &Config{}
	section := lookUp("nats")
	d.absent(place{key: section, at: "nats"}, reflect.ValueOf(cfg).Elem(), "nats")
	return cfg.NATS
}

func read(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Path: path, Problems: []Problem{{
			Message: "there is no such file: write one, or name it with --config FILE or ROLLCALL_CONFIG",
		}}}
	case err != nil:
		return nil, &Error{Path: path, Problems: []Problem{{
			Message: fmt.Sprintf("can't be read (%v): see to its owner and mode", unwrapped(err)),
		}}}
	}
	return bytes.TrimPrefix(text, byteOrderMark), nil
}

// byteOrderMark is what some editors write before UTF-8; it is no part of what was meant.
var byteOrderMark = []byte("\xef\xbb\xbf")

// isRoot reports whether it is the file as a whole that is not what it has to be.
func isRoot(p Problem) bool { return p.Key == "" }

func unwrapped(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// parse gives the root of the one document, and notes its anchors.
func (d *decoder) parse(path string, text []byte) (ast.Node, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		problem := Problem{Message: "is no YAML: " + err.Error()}
		if syntax, ok := errors.AsType[yaml.Error](err); ok { // its own text repeats the lines around, which may hold a key
			problem.Message = "is no YAML: " + syntax.GetMessage()
			if token := syntax.GetToken(); token != nil && token.Position != nil {
				problem.Line, problem.Column = token.Position.Line, token.Position.Column
			}
		}
		return nil, &Error{Path: path, Problems: []Problem{problem}}
	}
	var documents []ast.Node
	for _, document := range file.Docs {
		if document.Body != nil {
			documents = append(documents, document.Body)
		}
	}
	switch len(documents) {
	case 0:
		return nil, &Error{Path: path, Problems: []Problem{{Line: 1, Column: 1, Message: "is empty: it needs accounts and destinations"}}}
	case 1:
		ast.Walk(d, documents[0])
		d.note("", documents[0])
		return documents[0], nil
	}
	d.note("", documents[1])
	d.fail("", "holds more than one YAML document: write one")
	return nil, d.failed(path)
}

func (d *decoder) failed(path string) error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	return &Error{Path: path, Problems: d.problems}
}
