package examples

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const page = "../docs/publishing.md"

// shown is the part of each example that the page shows: from the line that begins with one text to the line before
// that of the other.
var shown = []struct{ path, fence, from, to string }{
	{"examples/go/main.go", "go", "var plain", "func run("},
	{"examples/python/publish.py", "python", "def profile_key", "async def main"},
	{"examples/typescript/publish.ts", "ts", "// The profile's id where", "const nc ="},
	{"examples/java/Publish.java", "java", "    /** The profile's id where", "    /** JSON of maps"},
	{"examples/nats-cli/publish.sh", "sh", "# profile_key PROFILE", "# The stream's form"},
}

// What the page shows is what the tests run. ROLLCALL_UPDATE=1 writes it there again.
func TestThePageShowsTheExamplesAsTheyRun(t *testing.T) {
	body, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	for _, s := range shown {
		block := regexp.MustCompile(fmt.Sprintf("(?s)<!-- example %s -->\n.*?<!-- end -->", regexp.QuoteMeta(s.path)))
		want := fmt.Sprintf("<!-- example %s -->\n```%s\n%s```\n<!-- end -->", s.path, s.fence, part(t, s.path, s.from, s.to))
		got := block.FindString(text)
		switch {
		case got == "":
			t.Errorf("the page has no place for %s", s.path)
		case got == want:
		case os.Getenv("ROLLCALL_UPDATE") == "1":
			text = strings.Replace(text, got, want, 1)
		default:
			t.Errorf("the page shows %s otherwise than it is; ROLLCALL_UPDATE=1 writes it there again", s.path)
		}
	}
	if text != string(body) {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// part is a file's lines between two that begin so, without empty lines at its end and without the indentation of its
// first line.
func part(t *testing.T, path, from, to string) string {
	t.Helper()
	body, err := os.ReadFile("../" + path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut("\n"+string(body), "\n"+from)
	rest, _, ended := strings.Cut(rest, "\n"+to)
	if !found || !ended {
		t.Fatalf("%s has no part from %q to %q", path, from, to)
	}
	indent := from[:len(from)-len(strings.TrimLeft(from, " "))]
	lines := strings.Split(strings.TrimRight(from+rest, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, indent)
	}
	return strings.Join(lines, "\n") + "\n"
}
