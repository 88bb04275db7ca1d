//go:build integration

package integration

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Without a daemon the suite says so and passes, unless it was told that there must be one.
func TestWithoutADaemonTheSuiteSaysThatItIsSkipped(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	for required, status := range map[string]int{"0": 0, "1": 1} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		command := exec.CommandContext(ctx, self, "-test.run=^$")
		command.Env = append(os.Environ(), "ROLLCALL_INTEGRATION=1", "ROLLCALL_REQUIRE_DOCKER="+required, "DOCKER_HOST=unix://"+t.TempDir()+"/nobody.sock")
		said, _ := command.CombinedOutput() // the status below says it
		if got := command.ProcessState.ExitCode(); got != status || !strings.Contains(string(said), "SKIPPED: no Docker daemon answers") {
			t.Errorf("ROLLCALL_REQUIRE_DOCKER=%s: status %d, it said %q", required, got, said)
		}
		if failed := strings.Contains(string(said), "FAILED"); failed != (required == "1") {
			t.Errorf("ROLLCALL_REQUIRE_DOCKER=%s: it said %q", required, said)
		}
	}
}
