package sendgrid_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every rule of docs/sendgrid.md has a test that carries its number.
func TestEveryRuleHasATest(t *testing.T) {
	page, err := os.ReadFile("../../docs/sendgrid.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`(?m)^\| ([0-9]+) \|`).FindAllStringSubmatch(string(page), -1)
	if len(rules) != 30 {
		t.Errorf("the page has %d rules, want 30", len(rules))
	}
	tested := map[string]bool{}
	name := regexp.MustCompile(`(?m)^func TestRule(\d\d)_`)
	err = filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return nil // removed meanwhile
		}
		for _, m := range name.FindAllStringSubmatch(string(body), -1) {
			tested[strings.TrimPrefix(m[1], "0")] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		n := rule[1]
		if !tested[n] {
			t.Errorf("rule %s has no test TestRule%02s_…", n, n)
		}
	}
}
