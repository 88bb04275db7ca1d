package house

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	shownRow  = regexp.MustCompile(`(?m)^\| (H[0-9]+|story [0-9]+) \| [^|]+ \| ([^|]+) \|$`)
	shownName = regexp.MustCompile("`([^`]+)`")
)

// docs/hazards.md names for each hazard that touches membership, and for each accident of this field's tools, a test or a
// story of the corpus, and each of them is there.
func TestWhatShowsEachHazardAndStoryIsNamedAndThere(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/hazards.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## What shows each of them")
	shown := map[string]int{}
	for _, row := range shownRow.FindAllStringSubmatch(table, -1) {
		for _, name := range shownName.FindAllStringSubmatch(row[2], -1) {
			shown[row[1]]++
			if !exists(t, name[1]) {
				t.Errorf("%s names %s, which is not there", row[1], name[1])
			}
		}
	}
	for _, n := range membershipHazards {
		if id := fmt.Sprint("H", n); shown[id] == 0 {
			t.Errorf("docs/hazards.md names nothing that shows %s", id)
		}
	}
	for n := 1; n <= fieldStories; n++ {
		if id := fmt.Sprint("story ", n); shown[id] == 0 {
			t.Errorf("docs/hazards.md names nothing that shows %s", id)
		}
	}
}

// exists reports whether a story of the corpus, or a test of a package, is there.
func exists(t *testing.T, name string) bool {
	t.Helper()
	if strings.HasSuffix(name, ".txt") {
		_, err := os.Stat(filepath.Join(root, "internal/model/testdata/corpus", name))
		return err == nil
	}
	dir, test, _ := strings.Cut(name, ".")
	sources, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		body, err := os.ReadFile(source)
		if err == nil && strings.Contains(string(body), "\nfunc "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}
