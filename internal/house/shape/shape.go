// Package shape measures Go source: how large its types, files and functions are, and what of it decides. It judges
// nothing; internal/house holds the bars, and `make shape` prints the figures of two revisions side by side.
package shape

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Columns is the widest line that fits a review's window.
const Columns = 120

// Package is what one folder holds outside its tests.
type Package struct {
	Files, Lines, Comments, Wide int
	Clocks                       int // calls that read the clock
	Casts                        int // conversions between a handle and the number of a table
}

// File is one file outside the tests.
type File struct {
	Lines  int
	Owners []string // the types that have methods in it, in order of appearance
}

// Type is one declared type.
type Type struct {
	Fields  int // of a struct
	Methods int
	Files   map[string]bool // with methods of it
}

// Function is one function or method.
type Function struct{ Lines, Parameters int }

// Tree is what a repository's main module measures.
type Tree struct {
	Packages  map[string]*Package // by folder
	Files     map[string]*File    // by path
	Types     map[string]*Type    // by folder and name
	Functions map[string]Function // by path and name
}

// Measure reads the Go files below root outside of tests, test data and the tools' modules.
func Measure(root string) (*Tree, error) {
	tree := &Tree{
		Packages: map[string]*Package{}, Files: map[string]*File{}, Types: map[string]*Type{}, Functions: map[string]Function{},
	}
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			switch path.Base(rel) {
			case ".git", "bin", "data", "tools", "testdata":
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		body, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		return tree.file(rel, body)
	})
	return tree, err
}

func (t *Tree) file(name string, body []byte) error {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, body, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	p := t.Packages[dir]
	if p == nil {
		p = &Package{}
		t.Packages[dir] = p
	}
	line := func(pos token.Pos) int { return set.Position(pos).Line }
	f := &File{Lines: strings.Count(string(body), "\n")}
	t.Files[name] = f
	p.Files++
	p.Lines += f.Lines
	for _, group := range parsed.Comments {
		p.Comments += line(group.End()) - line(group.Pos()) + 1
	}
	p.Wide += wide(string(body))
	for _, declaration := range parsed.Decls {
		t.declaration(name, declaration, line)
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			p.call(call)
		}
		return true
	})
	return nil
}

// wide counts lines beyond Columns, a tab being four wide.
func wide(body string) int {
	count := 0
	for text := range strings.Lines(body) {
		text = strings.TrimSuffix(text, "\n")
		if utf8.RuneCountInString(text)+3*strings.Count(text, "\t") > Columns {
			count++
		}
	}
	return count
}

func (t *Tree) declaration(file string, declaration ast.Decl, line func(token.Pos) int) {
	dir := path.Dir(file)
	switch d := declaration.(type) {
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			if s, ok := named.Type.(*ast.StructType); ok {
				t.of(dir, named.Name.Name).Fields = s.Fields.NumFields()
			}
		}
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			owner := Receiver(d.Recv.List[0].Type)
			typed := t.of(dir, owner)
			typed.Methods++
			typed.Files[file] = true
			name = owner + "." + name
			if f := t.Files[file]; !slices.Contains(f.Owners, owner) {
				f.Owners = append(f.Owners, owner)
			}
		}
		if d.Body != nil {
			t.Functions[file+" "+name] = Function{
				Lines: line(d.End()) - line(d.Pos()) + 1, Parameters: d.Type.Params.NumFields(),
			}
		}
	}
}

func (t *Tree) of(dir, name string) *Type {
	key := dir + "." + name
	if t.Types[key] == nil {
		t.Types[key] = &Type{Files: map[string]bool{}}
	}
	return t.Types[key]
}

// call counts what a call tells: that the clock is read, or that a handle changes its type.
func (p *Package) call(call *ast.CallExpr) {
	switch fun := call.Fun.(type) {
	case *ast.SelectorExpr:
		base, ok := fun.X.(*ast.Ident)
		switch {
		case !ok:
		case base.Name == "time" && (fun.Sel.Name == "Now" || fun.Sel.Name == "Since" || fun.Sel.Name == "Until"):
			p.Clocks++
		case base.Name == "contact" && fun.Sel.Name == "Handle":
			p.Casts++
		}
	case *ast.Ident:
		if fun.Name == "uint32" && len(call.Args) == 1 && isHandle(call.Args[0]) {
			p.Casts++
		}
	}
}

// isHandle tells a handle by the names that the project gives it: there are no types at hand.
func isHandle(arg ast.Expr) bool {
	switch e := arg.(type) {
	case *ast.Ident:
		return e.Name == "h" || e.Name == "handle"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Handle"
	}
	return false
}

// Receiver is the name of a method's type.
func Receiver(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return Receiver(e.X)
	case *ast.IndexExpr:
		return Receiver(e.X)
	case *ast.IndexListExpr:
		return Receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
