package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func misused(t *testing.T, root func(*Env) *cobra.Command, given ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := &Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, LookupEnv: func(string) (string, bool) { return "", false }}
	status = Main(t.Context(), env, root(env), given)
	return status, stdout.String(), stderr.String()
}

// The words are ours: not those of the library that reads the command line, nor of Go's functions.
func TestAMisuseIsSaidInOurWords(t *testing.T) {
	for given, want := range map[string]string{
		"consumer pause":                                   "DESTINATION is missing: consumer pause DESTINATION",
		"consumer explain newsletter":                      "PROFILE-OR-EMAIL is missing: consumer explain DESTINATION PROFILE-OR-EMAIL",
		"consumer pause a b":                               "consumer pause takes DESTINATION and nothing more",
		"consumer explain a b c":                           "consumer explain takes DESTINATION and PROFILE-OR-EMAIL and nothing more",
		"consumer run now":                                 "consumer run takes no arguments",
		"consumer replay newsletter --from-sequence x":     "--from-sequence takes a whole number from 0 on",
		"consumer waiting newsletter --limit many":         "--limit takes a whole number",
		"consumer waiting newsletter --limit -1":           "--limit is -1: it is 0 at least",
		"consumer receipts newsletter --limit -1":          "--limit is -1: it is 0 at least",
		"consumer dead-letters list newsletter --limit -1": "--limit is -1: it is 0 at least",
		"consumer replay newsletter --force=perhaps":       "--force takes true or false",
		"consumer simulator --clock-scale fast":            "--clock-scale takes a number",
		"consumer status --jsn":                            "there is no flag --jsn",
		"consumer status -z":                               "there is no flag -z",
		"consumer pause newsletter --comment":              "--comment needs a value",
		"consumer replay n --from-sequence 1 --since 1h":   "--from-sequence and --since do not go together: give one",
		"consumer verify n --repair --adopt":               "--adopt and --repair do not go together: give one",
		"consumer stauts":                                  `consumer has no command "stauts": did you mean status?`,
		"consumer frobnicate":                              `consumer has no command "frobnicate"`,
		"publisher refresh people.csv":                     "--segment is missing",
		"publisher exit":                                   "PROFILE is missing: publisher exit PROFILE --segment SEGMENT",
		"publisher publish --window x":                     "--window takes a whole number",
	} {
		words := strings.Fields(given)
		root := Consumer
		if words[0] == "publisher" {
			root = Publisher
		}
		status, _, errs := misused(t, root, words[1:]...)
		if first, _, _ := strings.Cut(errs, "\n"); status != int(Misuse) || first != words[0]+": "+want {
			t.Errorf("%s: status %d, %q, want %q", given, status, first, want)
		}
	}
}

// Who asked for JSON reads JSON on standard error too, one object a line.
func TestErrorsAreJSONWhereTheOutputIs(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, given := range []string{"status --json", "pause --json", "status --json --nope", "waiting newsletter --limit -1 --json", "check --json --config none.yaml"} {
		status, _, errs := misused(t, Consumer, strings.Fields(given)...)
		var line struct {
			Level, Msg string
			Status     int
		}
		if err := json.Unmarshal([]byte(errs), &line); err != nil || line.Level != "error" || line.Msg == "" || line.Status != status || status == 0 {
			t.Errorf("%s: status %d, %v, %q", given, status, err, errs)
		}
	}
}

func TestRefusedRowsAreJSONWhereTheOutputIs(t *testing.T) {
	b := newPublisherBench(t).stream()
	status, _, errs := b.run("profile_id,email\n,a@example.com\n", "publish", "--segment", "s", "--change", "entered", "--json")
	var line struct {
		Level, Msg, Reason string
		Line               int
	}
	if err := json.Unmarshal([]byte(errs), &line); status != 3 || err != nil || line.Line != 2 || line.Reason != "schema" || line.Level != "warn" {
		t.Errorf("status %d, %v, %q", status, err, errs)
	}
}

// lockedBuffer is written by a goroutine and read by the test.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func TestSIGHUPDoesNotEndARunningConsumer(t *testing.T) {
	var errs lockedBuffer
	env := &Env{Stderr: &errs}
	release := env.outliveTerminal()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(errs.String(), "SIGHUP changes nothing"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is said of the signal")
		}
	}
	release()
}

func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	env := &Env{Stdin: strings.NewReader("")}
	err := env.confirm("newsletter: let 1 of 2 listed contacts go?", false)
	want := "nobody can be asked here (standard input is no terminal), so nothing was done; --yes answers: newsletter: let 1 of 2 listed contacts go?"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

// What sessions show has one of a thing, and not one of things.
func TestPluralsAgree(t *testing.T) {
	one := regexp.MustCompile(`(^|[^\d,.:-])1 (accounts|destinations|events|contacts|removals|profiles|scopes|adds|updates|upserts|members|fields|commits|warnings|slots|rows|letters|dead letters|tries|cells|streams|requests|jobs)\b`)
	err := filepath.WalkDir("testdata", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		for n, line := range strings.Split(string(body), "\n") {
			if found := one.FindString(line); found != "" {
				t.Errorf("%s:%d: %q", path, n+1, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
