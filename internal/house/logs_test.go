package house

import (
	"go/ast"
	"go/parser"
	"slices"
	"testing"
)

// loggers are what makes a way out for log lines, and where one is made: there the lines are scrubbed (I12).
var loggers = map[string][]string{
	"zap.New": {"internal/cli/log.go"}, "zap.NewProduction": nil, "zap.NewDevelopment": nil, "zap.NewExample": nil, "zap.Must": nil,
	"log.New": nil, "log.Print": nil, "log.Printf": nil, "log.Println": nil, "log.Fatal": nil, "log.Fatalf": nil, "log.Panicf": nil,
	"slog.New": {"internal/web/tls.go"}, "slog.Info": nil, "slog.Warn": nil, "slog.Error": nil, "slog.Default": nil,
}

func TestLogsAreMadeOnlyWhereTheyAreScrubbed(t *testing.T) {
	seen := map[string]bool{}
	for _, src := range sources(t, parser.SkipObjectResolution) {
		if src.test || isTestsOnly(src.dir) {
			continue
		}
		imported := src.imports()
		ast.Inspect(src.file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			base, ok := selector.X.(*ast.Ident)
			if !ok || base.Name == "log" && !slices.Contains(imported, "log") {
				return true // a variable of that name
			}
			name := base.Name + "." + selector.Sel.Name
			if allowed, way := loggers[name]; way {
				seen[name] = true
				if !slices.Contains(allowed, src.path) {
					t.Errorf("%s:%d makes a log of its own by %s: take one that newLog made, its lines name nobody (I12)", src.path, src.line(selector.Pos()), name)
				}
			}
			return true
		})
	}
	for name, allowed := range loggers {
		if len(allowed) > 0 && !seen[name] {
			t.Errorf("%s is not called any more: take it off the list", name)
		}
	}
}
