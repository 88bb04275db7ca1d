package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"rollcall/internal/control"
	"rollcall/internal/testkit"
)

// I12: what is printed without being asked for a person names nobody.
var planted = []string{"ada@example.com", "grace@example.com", "alan@example.com", "Ada", "Grace", "Alan"}

func TestStatusIsToldByTheActiveReplicaAndByTheLedgerAlike(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{limit: 2})
	s.start()
	s.active()
	s.enter("Ada", "Grace", "Alan")
	s.event("high-value", "nobody", `{"first_name":"Nobody"}`)
	s.until("two listed, one waiting", func() bool {
		a := s.status()
		return a.Listed == 2 && a.Waiting == 1 && a.DeadLetters["no_email"] == 1 && owesNothing(a)
	})
	text, live := s.must("status"), s.must("status", "--json")
	testkit.Unnamed(t, []byte(text+live), planted...)
	golden(t, "status.txt", text)
	golden(t, "status.json", live)

	s.stop()
	inactive := s.must("status")
	golden(t, "status-inactive.txt", inactive)
	a := s.status()
	if a.State != control.Inactive || a.Listed != 2 || a.Waiting != 1 || a.Cursor != 4 || a.DeadLetters["no_email"] != 1 {
		t.Errorf("from the ledger: %+v", a)
	}
}

func TestExplainTellsTheSameWithAndWithoutAConsumer(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{limit: 1})
	s.start()
	s.active()
	s.enter("Ada")
	s.settled(1)
	s.enter("Grace")
	s.event("newsletter-optin", "alan", `{"first_name":"Alan","email":"not an address"}`)
	s.until("Grace waits", func() bool { a := s.status(); return a.Waiting == 1 && a.Cursor == 3 && owesNothing(a) })
	cases := map[string]string{"listed": "Ada@Example.com", "waiting": "grace", "no-email": "alan"}
	told := map[string]string{}
	for name, who := range cases {
		told[name] = s.must("explain", "newsletter", who)
		golden(t, "explain-"+name+".txt", told[name])
	}
	golden(t, "explain-live.txt", s.must("explain", "newsletter", "ada", "--live"))
	golden(t, "explain.json", s.must("explain", "newsletter", "ada", "--json"))
	golden(t, "waiting.txt", s.must("waiting", "newsletter"))
	golden(t, "waiting.json", s.must("waiting", "newsletter", "--json"))

	s.stop()
	for name, who := range cases {
		text := s.must("explain", "newsletter", who)
		first, rest, _ := strings.Cut(text, "\n")
		if !strings.Contains(first, "read from the ledger") {
			t.Errorf("%s: it does not say that nobody is active: %s", name, first)
		}
		if diff := cmp.Diff(told[name], rest); diff != "" {
			t.Errorf("%s reads differently from the ledger:\n%s", name, diff)
		}
	}
	if status, _, errs := s.run("explain", "newsletter", "stranger@example.com"); status != int(No) || !strings.Contains(errs, "knows no such") {
		t.Errorf("a stranger: status %d, %s", status, errs)
	}
}

func TestPauseGathersResumeSendsAndTheLedgerKnowsWho(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	golden(t, "pause.txt", s.must("pause", "newsletter", "--comment", "maintenance"))
	s.enter("Ada")
	s.until("taken over, and its age told", func() bool {
		a := s.status()
		return a.Window == 1 && a.State == "paused" && a.IntakePending == 0 && a.OldestUnappliedSeconds > 0 && a.AccountContacts != nil
	})
	if n := len(s.onList()); n != 0 {
		t.Errorf("paused, and %d are on the list", n)
	}
	golden(t, "status-paused.txt", s.must("status"))
	golden(t, "flush.txt", s.must("flush", "newsletter"))
	golden(t, "resume.json", s.must("resume", "newsletter", "--json"))
	s.settled(1)
}

// The guard's situation: a mass removal is shown, approved by count and digest, and goes.
func TestAMassRemovalIsHeldAndGoesWhenItIsApproved(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{guard: "{interval: 1h, min_removals: 1, max_removal_share: 0.1}"})
	s.start()
	s.active()
	names := []string{"Ada", "Grace", "Alan", "Edsger"}
	s.enter(names...)
	s.settled(4)
	for _, name := range names {
		s.event("high-value", strings.ToLower(name), "")
	}
	s.until("held", func() bool {
		a := s.status()
		return a.Held == 3 && a.Cursor == 8 && owesNothing(a)
	})
	golden(t, "status-held.txt", s.must("status"))
	if status, _, errs := s.run("approve", "newsletter"); status != int(Misuse) || !strings.Contains(errs, "--yes") {
		t.Errorf("without a terminal and --yes: %d %s", status, errs)
	}
	s.must("approve", "newsletter", "--yes", "--comment", "the campaign ended")
	s.settled(0)
	if status, _, errs := s.run("approve", "newsletter", "--yes"); status != int(No) || !strings.Contains(errs, "nothing is held") {
		t.Errorf("a second approval: %d %s", status, errs)
	}
}

// The common case of a retry: the mapping was wrong, and is corrected.
func TestDeadLettersAreRetriedAfterAMappingFix(t *testing.T) {
	t.Parallel()
	wrong := "    mapping: {email: mail, first_name: first_name}\n"
	s := newSystem(t, setting{more: wrong})
	s.start()
	s.active()
	s.enter("Ada", "Grace")
	s.event("high-value", "alan", `{"mail":"alan@example.com","first_name":"Alan"}`)
	s.settled(1)
	s.until("letters", func() bool { return s.status().DeadLetters["no_email"] == 2 })
	list := s.must("dead-letters", "list", "newsletter") + s.must("dead-letters", "newsletter", "--json")
	testkit.Unnamed(t, []byte(list), planted...)
	golden(t, "dead-letters.txt", list)
	if shown := s.must("dead-letters", "show", "newsletter", "--profile", "ada", "--reveal"); !strings.Contains(shown, "ada@example.com") {
		t.Errorf("revealed: %s", shown)
	}
	still := s.must("dead-letters", "retry", "newsletter", "--reason", "no_email", "--yes")
	golden(t, "retry-still.txt", still)

	s.enter("Grace") // newer than her letter
	s.until("the newer event", func() bool { return s.status().DeadLetters["no_email"] == 3 })
	golden(t, "retry-superseded.txt", s.must("dead-letters", "retry", "newsletter", "--sequence", "2", "--yes"))

	golden(t, "discard.txt", s.must("dead-letters", "discard", "newsletter", "--sequence", "2", "--yes", "--comment", "overtaken"))
	if n := s.status().DeadLetters["no_email"]; n != 2 {
		t.Errorf("%d letters after discarding one of three", n)
	}

	s.stop()
	s.write(setting{}) // the mapping as it should be
	s.start()
	s.active()
	s.until("Ada and Grace are listed", func() bool { return slices.Equal(s.onList(), []string{"ada@example.com", "grace@example.com"}) })
	var again control.RetryAnswer
	s.json(&again, "dead-letters", "retry", "newsletter", "--profile", "ada", "--yes", "--comment", "mapping corrected")
	if again.Folded != 1 || again.Discarded != 1 || len(again.Still) != 0 {
		t.Errorf("the retry after the correction: %+v", again)
	}
	var given control.LedgerAnswer
	s.json(&given, "ledger", "commands", "newsletter")
	if last := given.Commands[len(given.Commands)-1]; last.Name != "retry" || last.Who != control.Who() || last.Comment != "mapping corrected" {
		t.Errorf("the retry is in the ledger as %+v", last)
	}
}

func TestReceiptsAreOneALine(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	golden(t, "receipts-none.txt", s.must("receipts", "newsletter"))
	s.start()
	s.active()
	s.enter("Ada")
	s.settled(1)
	s.until("a receipt", func() bool { return strings.Contains(s.must("receipts", "newsletter"), "upsert") })
	text := s.must("receipts", "newsletter")
	golden(t, "receipts.txt", text)
	whole := s.must("receipts", "newsletter", "--json", "--kind", "job", "--since", "1h")
	golden(t, "receipts.json", whole)
	testkit.Unnamed(t, []byte(text+whole), planted...)
}

func TestCommandsSayWhyTheyWereNotDone(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	var all strings.Builder
	for _, arguments := range [][]string{
		{"status", "other"},
		{"explain", "other", "ada"},
		{"pause", "newsletter"}, // nobody is active
		{"approve", "newsletter", "--yes"},
		{"dead-letters", "retry", "newsletter", "--reason", "no_email", "--yes"}, // there is none
		{"dead-letters", "list", "newsletter", "--reason", "boredom"},
		{"receipts", "newsletter", "--since", "yesterday"},
		{"explain", "newsletter", "ada@example.com"}, // nothing ever ran
		{"pause"},
	} {
		status, out, errs := s.run(arguments...)
		fmt.Fprintf(&all, "$ consumer %s\n%s%s[%d]\n", strings.Join(arguments, " "), out, errs, status)
	}
	s.url = "nats://127.0.0.1:1" // the broker is away
	s.write(setting{})
	for _, arguments := range [][]string{{"status"}, {"pause", "newsletter"}} {
		status, out, errs := s.run(arguments...)
		fmt.Fprintf(&all, "$ consumer %s (broker away)\n%s%s[%d]\n", strings.Join(arguments, " "), out, errs, status)
	}
	golden(t, "failures.txt", all.String())
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	t.Parallel()
	env := &Env{LookupEnv: func(string) (string, bool) { return "", false }}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.HasParent() && !c.Hidden && !c.Parent().Hidden && (c.Short == "" || c.Example == "") {
			t.Errorf("%s: short help %q, example %q", c.CommandPath(), c.Short, c.Example)
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(Consumer(env))
}

func TestColourIsForTerminalsOnly(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	env := &Env{LookupEnv: func(string) (string, bool) { return "", false }}
	if got := env.paint(&out, bad, "suspended"); got != "suspended" {
		t.Errorf("into a pipe: %q", got)
	}
}

// The shell completes the destinations of the file.
func TestDestinationsAreCompleted(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	out := s.must("__complete", "pause", "")
	if !strings.Contains(out, "newsletter\tNewsletter, EU customers") {
		t.Errorf("completed: %s", out)
	}
	if script := s.must("completion", "bash"); !strings.Contains(script, "__start_consumer") {
		t.Error("there is no completion script")
	}
}
