package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository's root as seen from this package.
const root = "../.."

// source is one parsed Go file of the main module.
type source struct {
	path string // slash-separated, from the root
	dir  string // its package's folder, from the root
	test bool
	set  *token.FileSet
	file *ast.File
}

// imports are the file's import paths.
func (s source) imports() []string {
	paths := make([]string, 0, len(s.file.Imports))
	for _, spec := range s.file.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

// line is where a node stands, for messages.
func (s source) line(pos token.Pos) int { return s.set.Position(pos).Line }

// files are the paths of the repository's files: neither git's, nor what is built, nor what the tools' module fetched.
func files(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			switch rel {
			case ".git", "bin", "data", "tools/bin":
				return filepath.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() {
			paths = append(paths, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the repository: %v", err)
	}
	return paths
}

// sources parses every Go file of the main module.
func sources(t *testing.T, mode parser.Mode) []source {
	t.Helper()
	var all []source
	for _, p := range files(t) {
		if !strings.HasSuffix(p, ".go") || strings.HasPrefix(p, "tools/") || strings.Contains(p, "testdata/") {
			continue
		}
		set := token.NewFileSet()
		body, err := os.ReadFile(filepath.Join(root, p))
		if os.IsNotExist(err) {
			continue // an editor's temporary file
		}
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(set, p, body, mode)
		if err != nil {
			t.Errorf("parse %s: %v", p, err)
			continue
		}
		all = append(all, source{path: p, dir: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), set: set, file: file})
	}
	return all
}
