package house

import (
	"go/parser"
	"slices"
	"strings"
	"testing"
)

// ladder gives each package its rung (docs/architecture.md, "The house"). A package may import packages of a lower rung only;
// one on the same rung is a sibling and is not imported.
var ladder = map[string]int{
	"internal/segment": 0, "internal/contact": 0, "internal/dense": 0, "internal/wire": 0, "internal/people": 0, "internal/ask": 0, "internal/scrub": 0,

	"internal/mapping": 1, "internal/roster": 1, "internal/window": 1, "internal/plan": 1, "internal/flight": 1,
	"internal/ledger": 1, "internal/broker": 1, "internal/sendgrid": 1, "internal/telemetry": 1,

	"internal/state": 2, "internal/translate": 2, "internal/health": 2,

	"internal/pipeline": 4, "internal/repair": 4, "internal/publish": 4, "internal/placement": 4,
	"internal/config": 5, "internal/control": 5, "internal/web": 5,
	"internal/desk": 6,
	"internal/app":  7,
	"internal/demo": 8, // it runs the app
	"internal/cli":  9,
	"cmd/consumer":  10,
	"cmd/publisher": 10,
}

// testsOnly are imported by tests, and by each other, alone.
var testsOnly = []string{"internal/testkit", "internal/model", "internal/house", "internal/walkthrough", "integration", "examples"}

// alone are packages that share no code with what they judge, and what of ours they may import all the same.
var alone = map[string][]string{
	"internal/sendgrid/simulator": {},                   // it judges the client
	"internal/demo/audit":         {"internal/segment"}, // it judges the whole pipeline by a computation of its own
}

// family is the ladder's name for a package: sub-packages stand on the rung of the package above them.
func family(dir string) string {
	parts := strings.Split(dir, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func isTestsOnly(dir string) bool {
	return slices.ContainsFunc(testsOnly, func(name string) bool { return dir == name || strings.HasPrefix(dir, name+"/") })
}

func TestImportsGoDownTheLadderOnly(t *testing.T) {
	for _, src := range sources(t, parser.ImportsOnly) {
		if isTestsOnly(src.dir) {
			continue
		}
		rung, known := ladder[family(src.dir)]
		if !known && family(src.dir) != "schemas" {
			t.Errorf("%s: package %s has no rung: give it one here and in docs/architecture.md", src.path, src.dir)
			continue
		}
		for _, imported := range src.imports() {
			target, ours := strings.CutPrefix(imported, "rollcall/")
			if !ours || family(target) == family(src.dir) || family(target) == "schemas" {
				continue
			}
			if isTestsOnly(target) {
				if !src.test {
					t.Errorf("%s imports %s, which is for tests alone", src.path, target)
				}
				continue
			}
			switch below, known := ladder[family(target)]; {
			case !known:
				t.Errorf("%s imports %s, which has no rung", src.path, target)
			case below > rung, below == rung && !src.test:
				t.Errorf("%s (rung %d) imports %s (rung %d): imports go down only", src.path, rung, target, below)
			}
		}
	}
}

func TestJudgesShareNoCodeWithWhatTheyJudge(t *testing.T) {
	for _, src := range sources(t, parser.ImportsOnly) {
		allowed, judge := alone[src.dir]
		if !judge || src.test {
			continue
		}
		for _, imported := range src.imports() {
			if target, ours := strings.CutPrefix(imported, "rollcall/"); ours && !slices.Contains(allowed, target) {
				t.Errorf("%s imports %s: a judge that shares the defendant's code repeats its mistakes", src.path, target)
			}
		}
	}
}
