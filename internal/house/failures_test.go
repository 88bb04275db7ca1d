package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// suspensions are the reasons of the public contract.
var suspensions = strings.Fields("consent key forbidden list fields target_changed stream_missing stream_changed stream_unfit ledger_stream_unfit ledger_lost ledger_damaged newer_build")

var (
	namedTest    = regexp.MustCompile("`([a-z]+)\\.(Test[A-Za-z0-9_]+)`")
	declaredTest = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(t \*testing\.T\)`)
)

// Every failure that docs/failures.md answers has a test, every test that it names exists in the package that it names, and
// every reason for a suspension is among the failures.
func TestEveryFailureHasAnAnswerAndATest(t *testing.T) {
	declared := map[string]bool{}
	for _, p := range files(t) {
		if !strings.HasSuffix(p, "_test.go") {
			continue
		}
		body, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			continue // removed meanwhile
		}
		for _, match := range declaredTest.FindAllStringSubmatch(string(body), -1) {
			declared[filepath.Base(filepath.Dir(p))+"."+match[1]] = true
		}
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/failures.md"))
	if err != nil {
		t.Fatal(err)
	}
	reasons, failures := map[string]bool{}, 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what ") {
			continue
		}
		failures++
		if len(cells) != 5 {
			t.Errorf("%d cells instead of what, sees, does, holds and test: %s", len(cells), line)
			continue
		}
		what, tests := strings.TrimSpace(cells[0]), namedTest.FindAllStringSubmatch(cells[4], -1)
		if len(tests) == 0 || strings.TrimSpace(cells[1]) == "" || strings.TrimSpace(cells[2]) == "" {
			t.Errorf("%q has no test, or not what is seen and done", what)
		}
		for _, test := range tests {
			if !declared[test[1]+"."+test[2]] {
				t.Errorf("%q names %s.%s, which does not exist", what, test[1], test[2])
			}
		}
		for _, reason := range suspensions {
			reasons[reason] = reasons[reason] || strings.Contains(cells[1], "`"+reason+"`")
		}
	}
	if failures < 40 {
		t.Errorf("%d failures are answered", failures)
	}
	for _, reason := range suspensions {
		if !reasons[reason] {
			t.Errorf("no failure says that it suspends with %s", reason)
		}
	}
}
