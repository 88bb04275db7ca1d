package manifests

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the repository's root as seen from this package.
const root = "../.."

var programs string // the directory of the built programs

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if programs, err = os.MkdirTemp("", "manifests"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(programs)
		make := exec.Command("go", "build", "-o", programs, "./cmd/consumer", "./cmd/publisher")
		make.Dir, make.Stderr = root, os.Stderr
		if err := make.Run(); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// accepts asks a program's command for its help, and looks for each flag that is given to it.
func accepts(t *testing.T, program string, arguments []string) {
	t.Helper()
	help, err := exec.CommandContext(t.Context(), filepath.Join(programs, program), arguments[0], "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, arguments[0], err, help)
	}
	words := strings.Fields(string(help))
	if !strings.Contains(string(help), program+" "+arguments[0]+" ") {
		t.Errorf("%s has no command %s", program, arguments[0])
	}
	for _, argument := range arguments {
		if strings.HasPrefix(argument, "-") && !slices.Contains(words, argument) {
			t.Errorf("%s %s does not take %s", program, arguments[0], argument)
		}
	}
}
