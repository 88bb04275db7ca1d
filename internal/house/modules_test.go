package house

import (
	"encoding/json"
	"go/parser"
	"os/exec"
	"strings"
	"testing"
)

// reasons are the modules that we import, each with why it is not our own code. A new one needs its line here, in review.
var reasons = map[string]string{
	"github.com/cenkalti/backoff/v4":              "intervals between tries; its maximum elapsed time is switched off",
	"github.com/cespare/xxhash/v2":                "the hash of the tables that number profiles and contacts",
	"github.com/cloudevents/sdk-go/v2":            "tests: the second opinion on our events, both ways",
	"github.com/getkin/kin-openapi":               "tests: requests and answers against SendGrid's OpenAPI documents",
	"github.com/goccy/go-yaml":                    "strict YAML with positions in its errors",
	"github.com/google/go-cmp":                    "tests: says what differs",
	"github.com/klauspost/compress":               "zstd for snapshots, gzip for request bodies, both for publishers' files",
	"github.com/nats-io/jsm.go":                   "reads the nats CLI's contexts, so that nats.context means the same here",
	"github.com/nats-io/nats-server/v2":           "the embedded broker, and the tests' one",
	"github.com/nats-io/nats.go":                  "the broker's client",
	"github.com/nats-io/nuid":                     "ids of ledger entries",
	"github.com/prometheus/client_golang":         "metrics",
	"github.com/prometheus/exporter-toolkit":      "TLS over HTTP by the file that operators know from Prometheus' exporters",
	"github.com/prometheus/common":                "tests: parses the exposition",
	"github.com/santhosh-tekuri/jsonschema/v6":    "tests and check: the schemas are the contract",
	"github.com/schollz/progressbar/v3":           "the bar of publisher and demo",
	"github.com/sendgrid/rest":                    "tests: the transport of SendGrid's own library",
	"github.com/sendgrid/sendgrid-go":             "tests: the second opinion on our requests",
	"github.com/spf13/cobra":                      "commands and flags",
	"github.com/spf13/pflag":                      "the errors of flags by their types: their words are ours",
	"github.com/synadia-io/orbit.go/jetstreamext": "atomic batches and direct gets in bulk",
	"github.com/testcontainers/testcontainers-go": "the integration suite",
	"github.com/moby/moby/api":                    "the integration suite: a healed network gives a container its name back; the client speaks in its types",
	"github.com/moby/moby/client":                 "the integration suite: older containers are removed by label",
	"go.uber.org/goleak":                          "tests: no goroutine is left behind",
	"go.uber.org/zap":                             "logs",
	"golang.org/x/term":                           "is it a terminal, and how wide",
	"golang.org/x/text":                           "UTF-16 and the old encodings of the files that teams have",
	"pgregory.net/rapid":                          "tests: properties with shrinking",
}

type module struct {
	Path     string
	Indirect bool
}

// required are the modules of go.mod.
func required(t *testing.T) []module {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go mod edit -json: %v", err)
	}
	var parsed struct{ Require []module }
	if err := json.Unmarshal(out, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed.Require
}

// owner is the module that an import path belongs to: the longest that is a prefix of it.
func owner(modules []module, imported string) string {
	best := ""
	for _, m := range modules {
		if (imported == m.Path || strings.HasPrefix(imported, m.Path+"/")) && len(m.Path) > len(best) {
			best = m.Path
		}
	}
	return best
}

func TestEveryDirectDependencyHasItsReason(t *testing.T) {
	modules := required(t)
	used := map[string]string{}
	for _, src := range sources(t, parser.ImportsOnly) {
		for _, imported := range src.imports() {
			first, _, _ := strings.Cut(imported, "/")
			if !strings.Contains(first, ".") {
				continue // the standard library's, or ours
			}
			name := owner(modules, imported)
			if name == "" {
				t.Errorf("%s imports %s, which no module of go.mod provides", src.path, imported)
				continue
			}
			used[name] = src.path
		}
	}
	for name, where := range used {
		if reasons[name] == "" {
			t.Errorf("%s imports %s: say in this test why it is not our own code, or do without", where, name)
		}
	}
	for name := range reasons {
		if used[name] == "" {
			t.Errorf("%s has a reason and no user: drop the line", name)
		}
	}
	for _, m := range modules {
		switch where, direct := used[m.Path]; {
		case direct && m.Indirect:
			t.Errorf("go.mod says that %s is indirect, and %s imports it: go mod tidy", m.Path, where)
		case !direct && !m.Indirect:
			t.Errorf("go.mod requires %s, and nothing imports it: go mod tidy", m.Path)
		}
	}
}
