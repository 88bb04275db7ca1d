package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/internal/demo"
	"rollcall/internal/demo/audit"
	"rollcall/internal/sendgrid/simulator"
)

// runDemo is `consumer demo` over a small population, by a SendGrid that lives 300 times as fast.
func runDemo(t *testing.T, tamper func(*demo.Options), arguments ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := &Env{Stdout: &out, Stderr: &errs, Version: "test", tamper: tamper, LookupEnv: func(string) (string, bool) { return "", false }}
	arguments = append([]string{"demo", "--profiles", "300", "--clock-scale", "300"}, arguments...)
	status = Main(t.Context(), env, Consumer(env), arguments)
	return status, out.String(), errs.String()
}

func TestADemoShowsItsTableAndEndsWithACleanAudit(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := runDemo(t, nil, "--seed", "7")
	if status != int(Done) {
		t.Fatalf("status %d\n%s\n%s", status, stdout, stderr)
	}
	for _, want := range []string{
		"published ", "taken over", "coalesced", "PUT contacts", "accepted ", "applied ", "listed ", "the cap is 200", "waiting ",
		"no_email", "its clock is 300 times as fast", "peak memory", "time ", "audit: clean. 200 contacts",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the table does not say %q:\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "publishing: ") || strings.Contains(stdout+stderr, "@") {
		t.Errorf("progress is missing, or somebody is named (I12):\n%s", stderr)
	}
}

// spoiled is a demo whose simulator is tampered with just before the audit.
func spoiled(spoil func(demo.World) error) func(*demo.Options) {
	return func(o *demo.Options) { o.Spoil = func(_ context.Context, w demo.World) error { return spoil(w) } }
}

// somebody is a contact of the list that has a city.
func somebody(w demo.World) (simulator.Contact, error) {
	var found simulator.Contact
	w.Simulator.Contacts(w.List, func(c simulator.Contact) {
		if found.Email == "" && c.Fields["city"] != "" {
			found = c
		}
	})
	if found.Email == "" {
		return found, errors.New("nobody on the list has a city")
	}
	return found, nil
}

// The audit can fail, and the exit status is its verdict: what is wrong on the list, and a job that was confirmed before SendGrid
// had applied it, end the demo with status 3 and by name.
func TestADemoWhoseListIsWrongEndsWithStatus3(t *testing.T) {
	alter := func(on bool, fields map[string]string) func(*demo.Options) {
		return spoiled(func(w demo.World) error {
			c, err := somebody(w)
			w.Simulator.Alter(c.Email, w.List, on, fields)
			return err
		})
	}
	for name, c := range map[string]struct {
		tamper func(*demo.Options)
		want   audit.Kind
		said   string
	}{
		"a wrong contact":       {alter(true, map[string]string{"city": "Atlantis"}), audit.Wrong, "wrong: event "},
		"a missing field":       {alter(true, map[string]string{"city": ""}), audit.Lacking, " city"},
		"a missing contact":     {alter(false, nil), audit.Missing, "missing: event "},
		"an early confirmation": {early, audit.Premature, "premature: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := runDemo(t, c.tamper, "--cap", "1000")
			if status != int(No) {
				t.Fatalf("status %d, want 3\n%s\n%s", status, stdout, stderr)
			}
			if !strings.Contains(stdout, string(c.want)) || !strings.Contains(stdout, c.said) || strings.Contains(stdout, "clean") {
				t.Errorf("the audit does not say %q:\n%s", c.want, stdout)
			}
			if strings.Contains(stdout+stderr, "@") {
				t.Errorf("somebody is named (I12):\n%s", stdout)
			}
		})
	}
}

// early makes SendGrid say that a job has ended, ten minutes before it is applied.
func early(o *demo.Options) {
	o.Faults = []simulator.Fault{{Kind: "early"}, {Kind: "late", Delay: 600}}
}

// stranger puts a contact on the list that no event ever named.
func stranger(w demo.World) error {
	w.Simulator.Alter("stranger@example.com", w.List, true, nil)
	return nil
}

// An extra contact, and the report for programs.
func TestADemoAsJSONTellsOfAnExtraContact(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := runDemo(t, spoiled(stranger), "--json", "--cap", "1000")
	var result demo.Result
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || status != int(No) {
		t.Fatalf("status %d, %v\n%s\n%s", status, err, stdout, stderr)
	}
	got := slices.Collect(maps.Keys(result.Report.Counts))
	if !slices.Equal(got, []audit.Kind{audit.Extra}) || result.Report.Wrong != 1 || result.Events == 0 || result.Simulator.Requests["PUT contacts"] == 0 {
		t.Errorf("result %+v", result)
	}
}

// --keep shows the result first, leaves broker, SendGrid and consumer running, and ends with the audit's status when it is stopped.
func TestADemoThatIsKeptRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out bytes.Buffer
	said := &stopAt{text: "operator ", stop: stop}
	env := &Env{Stdout: &out, Stderr: said, Version: "test", LookupEnv: func(string) (string, bool) { return "", false }}
	status := Main(ctx, env, Consumer(env), []string{"demo", "--profiles", "50", "--clock-scale", "300", "--keep"})
	if status != int(Done) || !strings.Contains(out.String(), "audit: clean") {
		t.Errorf("status %d\n%s\n%s", status, out.String(), said.String())
	}
	if !strings.Contains(said.String(), "kept running until Ctrl-C") {
		t.Errorf("it was not kept:\n%s", said.String())
	}
}

// stopAt is a writer that stops a command once it has said a text.
type stopAt struct {
	mu   sync.Mutex
	all  bytes.Buffer
	text string
	stop func()
}

func (s *stopAt) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Write(p)
	if strings.Contains(s.all.String(), s.text) {
		s.stop()
	}
	return len(p), nil
}

func (s *stopAt) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

func TestADemoRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	for arguments, want := range map[string]string{"--profiles=0": "--profiles is 0", "--clock-scale=0.5": "from 1 to 1000", "here": "takes no arguments"} {
		status, _, stderr := runDemo(t, nil, arguments)
		if status != int(Misuse) || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s", arguments, status, stderr)
		}
	}
}
