package house

import (
	"go/ast"
	"go/parser"
	"testing"
)

// Budgets of the review: a longer one says why in its comment.
const (
	fileLines     = 250
	functionLines = 45
	parameters    = 4
	methods       = 15 // of one type: beyond it a type has become the place where everything is put
)

// TestShapeReport fails nothing: it lists what is over budget, for the review (`make shape`).
func TestShapeReport(t *testing.T) {
	receivers := map[string]int{}
	for _, src := range sources(t, parser.ParseComments|parser.SkipObjectResolution) {
		if src.test {
			continue
		}
		if lines := src.line(src.file.FileEnd); lines > fileLines {
			t.Logf("%s: %d lines", src.path, lines)
		}
		for _, declaration := range src.file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			if lines := src.line(function.End()) - src.line(function.Pos()) + 1; lines > functionLines {
				t.Logf("%s:%d: %s has %d lines", src.path, src.line(function.Pos()), function.Name.Name, lines)
			}
			if count := function.Type.Params.NumFields(); count > parameters {
				t.Logf("%s:%d: %s has %d parameters", src.path, src.line(function.Pos()), function.Name.Name, count)
			}
			if function.Recv != nil {
				receivers[src.dir+"."+typeName(function.Recv.List[0].Type)]++
			}
		}
	}
	for name, count := range receivers {
		if count > methods {
			t.Logf("%s has %d methods", name, count)
		}
	}
}

func typeName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
