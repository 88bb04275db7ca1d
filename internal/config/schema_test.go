package config

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../schemas/config.schema.json"

func TestThePublishedSchemaIsTheLoadersTable(t *testing.T) {
	if os.Getenv("ROLLCALL_UPDATE") == "1" {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, Schema()) {
		t.Errorf("%s is not what the table of keys says; write it anew with: ROLLCALL_UPDATE=1 go test ./internal/config", schemaFile)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// schemaAccepts is what an editor would say of a file.
func schemaAccepts(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestSchemaAndLoaderAgree(t *testing.T) {
	schema := compiled(t)
	for _, c := range status2 {
		if strings.HasPrefix(c.message, "is no YAML") || strings.Contains(c.message, "YAML document") || c.name == "merge key" {
			continue
		}
		err := schemaAccepts(t, schema, edit(t, c.old, c.new))
		if c.schema && err == nil {
			t.Errorf("%s: the loader refuses it, the schema accepts it", c.name)
		}
		if !c.schema && err != nil {
			t.Errorf("%s: counted as what only the loader sees, yet the schema refuses it: %v", c.name, err)
		}
	}
	for name, text := range goodFiles {
		if _, err := load(t, text); err != nil {
			t.Errorf("%s: the loader refuses it: %v", name, err)
		}
		if err := schemaAccepts(t, schema, text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
	}
}

var goodFiles = map[string]string{
	"the least":        good,
	"no destination":   "accounts: []\ndestinations: []\n",
	"variables":        strings.NewReplacer("broker:4222", "${LIST}", "5d4e3c2b-0000-4000-8000-000000000001", "${LIST}").Replace(good),
	"every mapping":    good + "    mapping: {email: e, phone_number: p, address_line_1: a, address_line_2: b, custom_fields: {tier: t}}\n    on_bad_value: omit\n",
	"zero durations":   good + "    keep_departed: 0\n    debounce: {quiet: 0, max_wait: 0s}\n",
	"long durations":   good + "    keep_departed: 1h30m0.5s\n",
	"whole as decimal": good + "    batch: {max_contacts: 100.0}\n",
	"embedded":         strings.Replace(good, "url: nats://broker:4222", "embedded: {store_dir: /var/lib/rollcall, listen: '0.0.0.0:4222', users: [{name: a, password: '${LIST}'}]}", 1),
	"a context":        strings.Replace(good, "url: nats://broker:4222", "context: production", 1),
	"a simulator":      strings.Replace(good, "    api_key: ", "    base_url: http://127.0.0.1:9000/\n    clock_scale: 30\n    api_key: ", 1),
	"a key file":       strings.Replace(good, "api_key: ${SENDGRID_API_KEY}", "api_key_file: /run/secrets/sendgrid", 1),
	"the whole process": good + `revision: 3
memory_limit: 1073741824
log: {level: debug, format: json}
http: {listen: ':8780', token_file: /run/secrets/token}
retention: {dead_letters: 48h, receipts: 48h}
`,
}

func TestEveryKeyOfTheTableHasAFieldAndEveryFieldAKey(t *testing.T) {
	var walk func(path string, typ reflect.Type)
	seen := map[string]bool{}
	walk = func(path string, typ reflect.Type) {
		seen[path] = true
		switch typ.Kind() {
		case reflect.Pointer:
			walk(path, typ.Elem())
		case reflect.Slice:
			walk(path+"[]", typ.Elem())
		case reflect.Struct:
			for field := range typ.Fields() {
				if tag := field.Tag.Get("yaml"); tag != "-" {
					walk(below(path, tag), field.Type)
				}
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
	for _, k := range keys {
		_, name, _ := split(k.path)
		if !seen[k.path] && !strings.HasSuffix(k.path, ".*") && !strings.Contains(strings.Join(textFields, " "), name) {
			t.Errorf("the key %s has no field", k.path)
		}
		delete(seen, k.path)
	}
	for path := range seen {
		t.Errorf("the field %s has no key", path)
	}
}

func TestDefaultsNameEveryValueOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Defaults() {
		if seen[d.Key] || d.Text == "" || d.Type == "object" {
			t.Errorf("default %+v", d)
		}
		seen[d.Key] = true
	}
	for _, want := range []string{"nats.url", "destinations[].segments", "destinations[].mapping.custom_fields.*", "accounts[].clock_scale"} {
		if !seen[want] {
			t.Errorf("no %s among the defaults", want)
		}
	}
}
