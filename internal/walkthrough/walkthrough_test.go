package walkthrough

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

// What the README shows is what happens: every command ends with status 0, in the order given.
func TestTheReadmesTenMinutesWorkAsWritten(t *testing.T) {
	requireTools(t)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := extract(string(readme))
	if err != nil {
		t.Fatal(err)
	}
	dir, logs := t.TempDir(), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-c", script(elsewhere(t, blocks, dir), logs))
	command.Dir = root
	// Nothing of this machine's own settings may help or hinder: neither a nats context nor a Rollcall configuration.
	command.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return bytes.HasPrefix([]byte(v), []byte("NATS_")) || bytes.HasPrefix([]byte(v), []byte("ROLLCALL_"))
	})
	command.Env = append(command.Env, "XDG_CONFIG_HOME="+dir)
	// At a time-out the shell gets a signal that its trap answers, so that the servers beside it end too.
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 20 * time.Second
	started := time.Now()
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("the walk-through ended with %v after %v; the last of its output:\n%s", err, time.Since(started).Round(time.Second), tail(out))
		for _, name := range globbed(t, filepath.Join(logs, "*.log")) {
			body, _ := os.ReadFile(name)
			t.Logf("block %s:\n%s", filepath.Base(name), tail(body))
		}
		return
	}
	t.Logf("%d blocks in %v", len(blocks), time.Since(started).Round(time.Second))
}

// requireTools skips, aloud, where the nats CLI was not built: that takes a download, which `make test` does not do.
func requireTools(t *testing.T) {
	t.Helper()
	required := os.Getenv("ROLLCALL_REQUIRE_NATS_CLI") == "1"
	missing := ""
	if _, err := os.Stat(filepath.Join(root, "tools/bin/nats")); err != nil {
		missing = "tools/bin/nats (`make kit` builds it)"
	}
	for _, program := range []string{"bash", "curl", "make"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = program
		}
	}
	switch {
	case missing == "":
	case required:
		t.Fatalf("the walk-through needs %s", missing)
	default:
		t.Skipf("walk-through SKIPPED: it needs %s; `make walkthrough` runs it", missing)
	}
}

func tail(out []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-40):], []byte("\n"))
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return names
}
