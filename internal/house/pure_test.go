package house

import (
	"go/ast"
	"go/parser"
	"slices"
	"strings"
	"testing"
)

// pure are the packages that decide (I14): no I/O, no clock, no goroutine, no log.
var pure = []string{
	"internal/segment", "internal/contact", "internal/dense", "internal/wire",
	"internal/mapping", "internal/roster", "internal/window", "internal/plan", "internal/flight",
	"internal/sendgrid/class", "internal/ledger/record", "internal/health", "internal/state", "internal/translate", "internal/placement",
}

// pureImports are the packages from outside the repository that a decision may use. io and bufio are there for encoders of
// state: the caller brings the file or the connection.
var pureImports = []string{
	"bufio", "bytes", "cmp", "container/heap", "crypto/sha256", "encoding/base64", "encoding/binary", "encoding/hex", "encoding/json", "errors",
	"fmt", "hash", "hash/maphash", "io", "iter", "maps", "math", "math/big", "math/bits", "slices", "sort", "strconv", "strings", "time",
	"unicode", "unicode/utf16", "unicode/utf8", "unsafe",
	"github.com/cespare/xxhash/v2",
}

// clocks are the functions of package time that read the clock or wait for it.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func TestPackagesThatDecideArePure(t *testing.T) {
	seen := map[string]bool{}
	for _, src := range sources(t, parser.SkipObjectResolution) {
		if !slices.Contains(pure, src.dir) || src.test {
			continue
		}
		seen[src.dir] = true
		for _, imported := range src.imports() {
			if !strings.HasPrefix(imported, "rollcall/") && !slices.Contains(pureImports, imported) {
				t.Errorf("%s imports %s (I14: decisions use what pureImports lists)", src.path, imported)
			}
		}
		ast.Inspect(src.file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.GoStmt:
				t.Errorf("%s:%d starts a goroutine (I14)", src.path, src.line(n.Pos()))
			case *ast.SelectStmt:
				t.Errorf("%s:%d waits (I14)", src.path, src.line(n.Pos()))
			case *ast.SelectorExpr:
				if base, ok := n.X.(*ast.Ident); ok && base.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
					t.Errorf("%s:%d reads the clock with time.%s (I14: time comes in as an argument)", src.path, src.line(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
	for _, dir := range pure {
		if !seen[dir] {
			t.Errorf("no source found in %s: was it moved? then this test guards nothing", dir)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	for _, src := range sources(t, parser.ParseComments|parser.SkipObjectResolution) {
		if src.test {
			continue
		}
		documented[src.dir] = documented[src.dir] || src.file.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment: what does it guarantee, and what not?", dir)
		}
	}
}
