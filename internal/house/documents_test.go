package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	citedRule     = regexp.MustCompile(`\b([IH])([1-9][0-9]?)\b`)
	citedDocument = regexp.MustCompile(`\bdocs/[a-z0-9/-]+\.md\b`)
	linked        = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
)

// defined are the rules that a page defines: the ids at the start of its table rows.
func defined(t *testing.T, page, letter string) map[string]bool {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^\| \**(`+letter+`[0-9]+)\** \|`).FindAllStringSubmatch(string(body), -1) {
		ids[match[1]] = true
	}
	return ids
}

func TestCitedRulesAndDocumentsExist(t *testing.T) {
	rules := map[string]map[string]bool{
		"I": defined(t, "docs/invariants.md", "I"),
		"H": defined(t, "docs/hazards.md", "H"),
	}
	if len(rules["I"]) != 14 || len(rules["H"]) < 30 {
		t.Errorf("docs define %d invariants and %d hazards", len(rules["I"]), len(rules["H"]))
	}
	for _, p := range files(t) {
		if ext := filepath.Ext(p); (ext != ".go" && ext != ".md") || strings.Contains(p, "testdata/") || strings.HasPrefix(p, "tools/") {
			continue
		}
		body, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			continue // removed meanwhile
		}
		for _, match := range citedRule.FindAllStringSubmatch(string(body), -1) {
			if !rules[match[1]][match[0]] {
				t.Errorf("%s cites %s, which is not defined", p, match[0])
			}
		}
		for _, cited := range citedDocument.FindAllString(string(body), -1) {
			if _, err := os.Stat(filepath.Join(root, cited)); err != nil {
				t.Errorf("%s names %s, which does not exist", p, cited)
			}
		}
		if !strings.HasSuffix(p, ".md") {
			continue
		}
		for _, match := range linked.FindAllStringSubmatch(string(body), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(p), match[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", p, match[1])
			}
		}
	}
}
