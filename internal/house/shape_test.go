package house

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rollcall/internal/house/shape"
)

// The bars of the review. What is beyond one stands in testdata/shape.txt with its figure and its reason.
const (
	barFile       = 250  // lines
	barPackage    = 2500 // lines outside tests
	barFunction   = 45   // lines
	barParameters = 4
	barMethods    = 15 // of one type: beyond it a type has become the place where everything is put
	barFields     = 25
)

// beyond lists what is over a bar: the rule and the thing, and by how much.
func beyond(tree *shape.Tree) map[string]int {
	over := map[string]int{}
	note := func(rule, thing string, figure, bar int) {
		if figure > bar {
			over[rule+" "+thing] = figure
		}
	}
	for name, p := range tree.Packages {
		note("package", name, p.Lines, barPackage)
		note("columns", name, p.Wide, 0)
	}
	for name, f := range tree.Files {
		note("file", name, f.Lines, barFile)
		note("owners", name, len(f.Owners), 1)
	}
	for name, t := range tree.Types {
		note("methods", name, t.Methods, barMethods)
		note("fields", name, t.Fields, barFields)
	}
	for name, f := range tree.Functions {
		file, function, _ := strings.Cut(name, " ")
		note("function", file+":"+function, f.Lines, barFunction)
		note("parameters", file+":"+function, f.Parameters, barParameters)
	}
	return over
}

// exceptions are the lines of testdata/shape.txt: rule, thing, figure, reason.
func exceptions(t *testing.T) map[string]int {
	t.Helper()
	body, err := os.ReadFile("testdata/shape.txt")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]int{}
	for line := range strings.Lines(string(body)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) < 4 {
			t.Errorf("%q: rule, thing, figure and a reason are wanted", strings.TrimSpace(line))
			continue
		}
		figure, err := strconv.Atoi(fields[2])
		if err != nil {
			t.Errorf("%q: the figure is not a number", strings.TrimSpace(line))
		}
		allowed[fields[0]+" "+fields[1]] = figure
	}
	return allowed
}

// The list of exceptions may only shrink: what is over a bar and not listed fails, and so does a listed figure that is higher
// than what stands there by now.
func TestTheShapeHolds(t *testing.T) {
	tree, err := shape.Measure(root)
	if err != nil {
		t.Fatal(err)
	}
	over, allowed := beyond(tree), exceptions(t)
	for thing, figure := range over {
		if figure > allowed[thing] {
			t.Errorf("%s: %d, and %d is allowed (testdata/shape.txt): cut it by idea", thing, figure, allowed[thing])
		}
	}
	for thing, figure := range allowed {
		if figure > over[thing] {
			t.Errorf("%s: testdata/shape.txt allows %d, and it is %d by now: lower the list", thing, figure, over[thing])
		}
	}
}

// TestShapeReport prints a tree's figures, one a line, for tools/shape.sh. ROLLCALL_SHAPE_ROOT names another tree than ours.
func TestShapeReport(t *testing.T) {
	from := os.Getenv("ROLLCALL_SHAPE_ROOT")
	if from == "" {
		t.Skip("for `make shape`")
	}
	tree, err := shape.Measure(filepath.Clean(from))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range report(tree) {
		fmt.Println("shape:", line)
	}
}

// report is one line a figure: its name, a tab, its value.
func report(tree *shape.Tree) []string {
	var lines []string
	add := func(name string, value int) { lines = append(lines, fmt.Sprintf("%s\t%d", name, value)) }
	rules := map[string]int{}
	for thing := range beyond(tree) {
		rule, _, _ := strings.Cut(thing, " ")
		rules[rule]++
	}
	for _, rule := range []string{"file", "package", "function", "parameters", "methods", "fields", "columns", "owners"} {
		add("over the bar: "+rule, rules[rule])
	}
	clocks, casts, wide := 0, 0, 0
	for name, p := range tree.Packages {
		add("lines of "+name, p.Lines)
		add("files of "+name, p.Files)
		wide += p.Wide
		if core(name) {
			clocks += p.Clocks
			casts += p.Casts
		}
		if p.Lines > 1000 {
			add("comments in a hundred lines of "+name, 100*p.Comments/p.Lines)
		}
	}
	add("lines wider than 120 columns", wide)
	add("calls of time.Now and the like in the core", clocks)
	add("casts of handles in the core", casts)
	for name, of := range tree.Types {
		if of.Methods > barMethods {
			add("methods of "+name, of.Methods)
		}
		if of.Fields > barFields {
			add("fields of "+name, of.Fields)
		}
	}
	slices.Sort(lines)
	return lines
}

// core tells the packages that run one destination from the rest.
func core(dir string) bool {
	switch family(dir) {
	case "internal/contact", "internal/segment", "internal/dense", "internal/wire", "internal/mapping", "internal/roster",
		"internal/window", "internal/plan", "internal/flight", "internal/ledger", "internal/state", "internal/translate",
		"internal/health", "internal/dispatch", "internal/settle", "internal/rereading", "internal/feed", "internal/pipeline",
		"internal/repair":
		return true
	}
	return false
}
