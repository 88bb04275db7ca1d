package schemas

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/segment"
)

func asyncAPI(t *testing.T) map[string]any {
	t.Helper()
	body, err := fs.ReadFile(Files(), AsyncAPI)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// object is the object under a path of keys.
func object(t *testing.T, in map[string]any, keys ...string) map[string]any {
	t.Helper()
	for _, key := range keys {
		next, ok := in[key].(map[string]any)
		if !ok {
			t.Fatalf("%s is no object", strings.Join(keys, "/"))
		}
		in = next
	}
	return in
}

// references calls visit with every $ref below a value.
func references(value any, visit func(string)) {
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			if ref, ok := below.(string); ok && key == "$ref" {
				visit(ref)
			}
			references(below, visit)
		}
	case []any:
		for _, below := range v {
			references(below, visit)
		}
	}
}

func TestEveryReferenceOfTheAsyncAPIDocumentResolves(t *testing.T) {
	document, count := asyncAPI(t), 0
	references(document, func(ref string) {
		count++
		if file, external := strings.CutPrefix(ref, "./"); external {
			if _, err := fs.Stat(Files(), path.Clean(file)); err != nil {
				t.Errorf("%s: %v", ref, err)
			}
			return
		}
		local, ok := strings.CutPrefix(ref, "#/")
		if !ok {
			t.Errorf("%s is neither a place in the document nor a file beside it", ref)
			return
		}
		object(t, document, strings.Split(local, "/")...)
	})
	if count < 30 {
		t.Errorf("only %d references were found", count)
	}
}

// The keys of the AsyncAPI 3.0 objects that the document uses; extensions begin with x-.
var allowed = map[string][]string{
	"":           {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"},
	"channel":    {"address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "externalDocs", "bindings"},
	"operation":  {"action", "channel", "title", "summary", "description", "security", "tags", "externalDocs", "bindings", "traits", "messages", "reply"},
	"message":    {"headers", "payload", "correlationId", "contentType", "name", "title", "summary", "description", "tags", "externalDocs", "bindings", "examples", "traits"},
	"parameter":  {"enum", "default", "description", "examples", "location"},
	"components": {"schemas", "servers", "channels", "operations", "messages", "securitySchemes", "serverVariables", "parameters"},
}

func only(t *testing.T, kind, name string, value map[string]any) {
	t.Helper()
	for key := range value {
		if !slices.Contains(allowed[kind], key) && !strings.HasPrefix(key, "x-") {
			t.Errorf("%s %s: AsyncAPI 3 has no key %s there", kind, name, key)
		}
	}
}

var parameter = regexp.MustCompile(`\{([a-z_]+)\}`)

func TestTheAsyncAPIDocumentHasTheStructureOfVersionThree(t *testing.T) {
	document := asyncAPI(t)
	only(t, "", "document", document)
	if document["asyncapi"] != "3.0.0" {
		t.Errorf("version %v", document["asyncapi"])
	}
	for _, key := range []string{"title", "version"} {
		if text, ok := object(t, document, "info")[key].(string); !ok || text == "" {
			t.Errorf("info has no %s", key)
		}
	}
	components := object(t, document, "components")
	only(t, "components", "", components)
	for name := range object(t, components, "messages") {
		only(t, "message", name, object(t, components, "messages", name))
	}
	for name := range object(t, components, "parameters") {
		only(t, "parameter", name, object(t, components, "parameters", name))
	}
	for name := range object(t, document, "operations") {
		operation := object(t, document, "operations", name)
		only(t, "operation", name, operation)
		if action := operation["action"]; action != "send" && action != "receive" {
			t.Errorf("operation %s: action %v", name, action)
		}
	}
	for name := range object(t, document, "channels") {
		channel := object(t, document, "channels", name)
		only(t, "channel", name, channel)
		var inAddress []string
		for _, match := range parameter.FindAllStringSubmatch(channel["address"].(string), -1) {
			inAddress = append(inAddress, match[1])
		}
		slices.Sort(inAddress)
		if diff := cmp.Diff(inAddress, slices.Sorted(maps.Keys(object(t, channel, "parameters")))); diff != "" {
			t.Errorf("channel %s: parameters (-address +named):\n%s", name, diff)
		}
	}
}

// The channels of events are the subjects that the code makes, and it reads each as what it is.
func TestTheChannelsAreTheSubjectsOfTheCode(t *testing.T) {
	fill := strings.NewReplacer("{segment_id}", "high-value", "{profile_key}", "c0ffee", "{first_sequence}", "1842", "{destination}", "newsletter")
	made := map[string]string{
		"membershipKeyed":   segment.MembershipSubject(true, "high-value", "c0ffee"),
		"membershipUnkeyed": segment.MembershipSubject(false, "high-value", "c0ffee"),
		"refreshed":         segment.RefreshedSubject("high-value", 1842),
		"erased":            segment.ErasedSubject("c0ffee"),
		"deadLetters":       "rollcall.dead.newsletter.c0ffee",
		"receipts":          "rollcall.receipts.newsletter",
	}
	described := map[string]string{}
	channels := object(t, asyncAPI(t), "channels")
	for name := range channels {
		described[name] = fill.Replace(object(t, channels, name)["address"].(string))
	}
	if diff := cmp.Diff(made, described); diff != "" {
		t.Errorf("(-code +document):\n%s", diff)
	}
	kinds := map[string]segment.Kind{"membership": segment.Membership, "refreshed": segment.Refreshed, "erased": segment.Erased}
	for name := range channels {
		for message := range object(t, channels, name, "messages") {
			if kind := segment.ParseSubject(described[name]).Kind; kind != kinds[message] {
				t.Errorf("channel %s carries %s, and its subject is read as kind %d", name, message, kind)
			}
		}
	}
}
