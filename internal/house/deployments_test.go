package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/parser"

	"rollcall/internal/config"
)

func TestShippedConfigurationsAreAccepted(t *testing.T) {
	lookup := func(name string) (string, bool) { return "value-of-" + strings.ToLower(name), true }
	found := 0
	for _, p := range files(t) {
		if !strings.HasPrefix(p, "deployments/") {
			continue
		}
		full := filepath.Join(root, p)
		switch filepath.Base(p) {
		case "rollcall.yaml":
			found++
			if _, err := config.Load(full, lookup); err != nil {
				t.Errorf("load %s: %v", p, err)
			}
		default:
			if filepath.Ext(p) != ".yaml" {
				continue
			}
			body, err := os.ReadFile(full)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.ParseBytes(body, 0); err != nil {
				t.Errorf("parse %s: %v", p, err)
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d shipped configurations", found)
	}
}

// Every broker that is shipped syncs each write: docs/adr/0008-sync-always.md.
func TestShippedBrokersSyncEveryWrite(t *testing.T) {
	found := 0
	for _, p := range files(t) {
		if !strings.HasPrefix(p, "deployments/nats/") || filepath.Ext(p) != ".conf" {
			continue
		}
		body, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(p) == "accounts.conf" { // it is part of the others
			continue
		}
		found++
		if !regexp.MustCompile(`(?m)^\s*sync_interval: always\b`).Match(body) {
			t.Errorf("%s does not say sync_interval: always", p)
		}
	}
	if found == 0 {
		t.Error("no broker configuration found")
	}
}

func TestMakeListsEveryTargetThatTheReadmeAndTheGateUse(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "make", "-s", "-C", root, "help").Output()
	if err != nil {
		t.Skipf("make help: %v", err)
	}
	var listed []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 1 {
			listed = append(listed, fields[0])
		}
	}
	want := strings.Fields("build demo demo-real test test-race integration bench fuzz crash lint verify image clean help")
	for _, p := range []string{"README.md", "CONTRIBUTING.md", ".ci/run"} {
		body, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile("(?m)(?:^|`|step [a-z]+ )make (?:-s )?([a-z-]+)").FindAllStringSubmatch(string(body), -1) {
			want = append(want, match[1])
		}
	}
	for _, target := range want {
		if !slices.Contains(listed, target) {
			t.Errorf("make %s is wanted and not in `make help`", target)
		}
	}
}
