package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// language is one way to publish.
type language struct {
	name   string
	needs  []program
	always bool // run by `make test` too
	build  func(t *testing.T, dir string) *exec.Cmd
}

// program is what a language needs on the machine, and where Debian has it.
type program struct{ name, from string }

// languages are those of docs/publishing.md. Python, TypeScript and Java run over a stand-in of their client.
var languages = []language{
	{name: "go", always: true, build: func(t *testing.T, dir string) *exec.Cmd {
		run(t, exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "publish"), "./go"))
		return exec.CommandContext(t.Context(), filepath.Join(dir, "publish"))
	}},
	{name: "python", needs: []program{{"python3", "python3"}}, build: func(t *testing.T, _ string) *exec.Cmd {
		command := exec.CommandContext(t.Context(), "python3", "-B", "-W", "error", "python/publish.py")
		command.Env = append(os.Environ(), "PYTHONPATH="+absolute(t, "python/standin"))
		return command
	}},
	{name: "typescript", needs: []program{{"node", "nodejs"}, {"tsc", "node-typescript"}}, build: typescript},
	{name: "java", needs: []program{{"javac", "default-jdk-headless"}, {"java", "default-jdk-headless"}}, build: java},
	{name: "nats-cli", needs: []program{{natsCLI, "`make tools/bin/nats`"}, {"bash", "bash"}, {"jq", "jq"}}, build: cli},
}

func java(t *testing.T, dir string) *exec.Cmd {
	run(t, exec.CommandContext(t.Context(), "javac", "-encoding", "UTF-8", "-d", dir,
		"-sourcepath", "java/standin", "java/Publish.java"))
	return exec.CommandContext(t.Context(), "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", dir, "Publish")
}

func cli(t *testing.T, _ string) *exec.Cmd {
	command := exec.CommandContext(t.Context(), "bash", "nats-cli/publish.sh")
	command.Env = withNATS(t)
	return command
}

// typescript checks the types of publish.ts and runs it, in a folder where the stand-ins are the installed modules.
func typescript(t *testing.T, dir string) *exec.Cmd {
	for _, module := range []string{"transport-node", "jetstream"} {
		installed := filepath.Join(dir, "node_modules/@nats-io", module)
		if err := os.CopyFS(installed, os.DirFS("typescript/standin/"+module)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"typescript/publish.ts", "typescript/package.json", "typescript/standin/node.d.ts"} {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	compile := exec.CommandContext(t.Context(), "tsc", "--strict", "--noUnusedLocals", "--target", "es2022",
		"--lib", "es2022", "--module", "es2022", "--moduleResolution", "node", "publish.ts", "node.d.ts")
	compile.Dir = dir
	run(t, compile)
	return exec.CommandContext(t.Context(), "node", filepath.Join(dir, "publish.js"))
}

const natsCLI = "../tools/bin/nats"

// withNATS is an environment in which `nats` is the CLI of tools/, with no context of this machine's user.
func withNATS(t *testing.T) []string {
	t.Helper()
	path := filepath.Dir(absolute(t, natsCLI)) + ":" + os.Getenv("PATH")
	return append(os.Environ(), "PATH="+path, "XDG_CONFIG_HOME="+t.TempDir())
}

// require skips the test where `make test` does not run the language, or the machine does not have it. With
// ROLLCALL_EXAMPLES=1 those run that the machine has; with ROLLCALL_EXAMPLES=all a missing one fails.
func (l *language) require(t *testing.T) {
	t.Helper()
	wanted := os.Getenv("ROLLCALL_EXAMPLES")
	if wanted == "" && !l.always {
		t.Skip("`make examples` runs it")
	}
	for _, p := range l.needs {
		if _, err := exec.LookPath(p.name); err == nil {
			continue
		}
		if wanted == "all" {
			t.Fatalf("%s is missing: %s has it", p.name, p.from)
		}
		t.Skipf("SKIPPED: %s is missing: %s has it", p.name, p.from)
	}
}

// run runs a command that has to end well.
func run(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	whole, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}
