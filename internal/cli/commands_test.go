package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"

	"rollcall/internal/testkit"
)

// playing is how a command is given in the sessions below: with a consumer active, and where its failures are shown. What is
// left out of a session has its reason.
type playing struct {
	path      string
	given     string // after the path
	text      string // why no session shows its text
	json      string // why no session shows its JSON
	unknown   string // why no destination can be unknown to it
	inactive  string // why it does not need an active consumer's failure
	away      string // why the broker cannot be away for it
	forbidden string // why no permission is refused to it
	second    string // why two operators cannot meet at it
}

const (
	ofItsOwn  = "TestADemo… show it: it has a broker of its own"
	serves    = "it serves until it is stopped: internal/app and internal/demo test it"
	onlyReads = "it changes nothing, so that any number may read"
)

// played are all commands, in the order in which the sessions give them.
func played(dir string) []playing {
	return []playing{
		{path: "run", text: serves, json: serves, unknown: serves, inactive: serves, away: "it waits for the broker for as long as it takes", forbidden: serves, second: "replicas: internal/app"},
		{path: "demo", text: ofItsOwn, json: ofItsOwn, unknown: ofItsOwn, inactive: ofItsOwn, away: ofItsOwn, forbidden: ofItsOwn, second: ofItsOwn},
		{path: "simulator", text: serves, json: serves, unknown: serves, inactive: serves, away: serves, forbidden: serves, second: serves},
		{path: "check", unknown: "it looks at all destinations", second: onlyReads, forbidden: "TestCheckFindsWhatIsWrong has its rows"},
		{path: "status", given: "newsletter", second: onlyReads},
		{path: "explain", given: "newsletter edsger", second: onlyReads},
		{path: "waiting", given: "newsletter", second: onlyReads},
		{path: "receipts", given: "newsletter", second: onlyReads},
		{path: "dead-letters", given: "newsletter", second: onlyReads}, // as its list
		{path: "dead-letters list", given: "newsletter", second: onlyReads},
		{path: "dead-letters show", given: "newsletter --sequence 4", second: onlyReads},
		{path: "dead-letters retry", given: "newsletter --sequence 4 --yes --comment again"},
		{path: "pause", given: "newsletter --comment lunch"},
		{path: "resume", given: "newsletter --comment back"},
		{path: "flush", given: "newsletter"},
		{path: "approve", given: "newsletter --yes"},
		{path: "replay", given: "newsletter --from-sequence 1 --dry-run", second: "TestAReplayIsRefusedWhileAnotherRuns and internal/desk show it"},
		{path: "verify", given: "newsletter", second: onlyReads},
		{path: "ledger check", given: "newsletter", second: onlyReads},
		{path: "ledger commands", given: "newsletter", second: onlyReads},
		{path: "ledger dump", given: "newsletter", text: "TestTheLedgerIsCheckedDumpedAndKnowsItsCommands: its lines tell of each run's timing", inactive: "likewise", json: "a line is JSON already", second: onlyReads},
		{path: "ledger backup", given: "newsletter " + filepath.Join(dir, "newsletter.backup"), second: onlyReads},
		{path: "ledger restore", given: "newsletter " + filepath.Join(dir, "newsletter.backup") + " --yes"},
		{path: "rebase", given: "newsletter --yes"},
		{path: "remove", given: "newsletter --yes", unknown: "an orphan's name is in no file"},
		{path: "dead-letters discard", given: "newsletter --sequence 4 --yes --comment settled"},
	}
}

// leaves are the commands that do something, by their path below the root.
func leaves(root *cobra.Command) map[string]*cobra.Command {
	all := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden {
			return
		}
		if c.Runnable() && c.HasParent() {
			all[strings.TrimPrefix(c.CommandPath(), root.Name()+" ")] = c
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(root)
	return all
}

// A command that is added has to say how it is shown, and that of each of its failures.
func TestEveryCommandIsPlayed(t *testing.T) {
	t.Parallel()
	env := &Env{LookupEnv: func(string) (string, bool) { return "", false }}
	all := leaves(Consumer(env))
	for _, p := range played("") {
		if all[p.path] == nil {
			t.Errorf("there is no command %q", p.path)
		}
		delete(all, p.path)
	}
	for path := range all {
		t.Errorf("no session gives the command %q", path)
	}
}

// shell is what a system's shell shows.
type shell struct {
	strings.Builder
	dir string
}

func (s *shell) show(given []string, status int, out, errs string) {
	text := fmt.Sprintf("$ consumer %s\n%s%s[%d]\n", strings.Join(given, " "), out, errs, status)
	s.WriteString(strings.ReplaceAll(text, s.dir, "<folder>"))
}

func (p *playing) words() []string { return append(strings.Fields(p.path), strings.Fields(p.given)...) }

// play runs each command that the session does not leave out.
func (s *system) play(name string, left func(playing) string, more ...string) {
	s.t.Helper()
	session := &shell{dir: s.dir}
	all := leaves(Consumer(&Env{LookupEnv: s.env}))
	for _, p := range played(s.dir) {
		if left(p) != "" || slices.Contains(more, "--json") && all[p.path].Flags().Lookup("json") == nil {
			continue
		}
		given := append(p.words(), more...)
		status, out, errs := s.run(given...)
		session.show(given, status, out, errs)
		testkit.Unnamed(s.t, []byte(errs), planted...)
		if status == int(Done) && slices.Contains(more, "--json") {
			validOutput(s.t, p.path, out)
		}
	}
	golden(s.t, "commands/"+name+".txt", session.String())
}

// storied is a system with somebody listed, somebody who waits, and a dead letter.
func storied(t *testing.T) *system {
	s := newSystem(t, setting{limit: 2})
	s.start()
	s.active()
	s.enter("Ada")
	s.settled(1)
	s.enter("Grace")
	s.settled(2)
	s.enter("Edsger")
	s.event("high-value", "blaise", `{"first_name":"Blaise"}`)
	s.until("somebody waits, and a letter", func() bool {
		a := s.status()
		return a.Waiting == 1 && a.DeadLetters["no_email"] == 1 && owesNothing(a)
	})
	s.until("both receipts", func() bool { return strings.Count(s.must("receipts", "newsletter"), "upsert") == 2 })
	return s
}

func TestEveryCommandsText(t *testing.T) {
	t.Parallel()
	storied(t).play("text", func(p playing) string { return p.text })
}

func TestEveryCommandsJSON(t *testing.T) {
	t.Parallel()
	storied(t).play("json", func(p playing) string { return p.json }, "--json")
}

// Two operators give each changing command one after the other; who comes second is told how things stand.
func TestEveryCommandGivenBySecondOperators(t *testing.T) {
	t.Parallel()
	s := storied(t)
	session := &shell{dir: s.dir}
	s.must("ledger", "backup", "newsletter", filepath.Join(s.dir, "newsletter.backup"))
	for _, p := range played(s.dir) {
		if p.second != "" {
			continue
		}
		s.run(p.words()...)
		status, out, errs := s.run(p.words()...)
		session.show(p.words(), status, out, errs)
	}
	golden(t, "commands/second-operator.txt", session.String())
}

func TestEveryCommandGivenForAnUnknownDestination(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	session := &shell{dir: s.dir}
	for _, p := range played(s.dir) {
		if p.unknown != "" {
			continue
		}
		given := p.words()
		given[slices.Index(given, "newsletter")] = "other"
		status, out, errs := s.run(given...)
		session.show(given, status, out, errs)
		if status != int(Misuse) || !strings.Contains(errs, `no destination "other"`) {
			t.Errorf("%s of an unknown destination: status %d %s", p.path, status, errs)
		}
	}
	golden(t, "commands/unknown-destination.txt", session.String())
}

func TestEveryCommandWithoutAnActiveConsumer(t *testing.T) {
	t.Parallel()
	s := storied(t)
	s.stop()
	s.play("no-consumer", func(p playing) string { return p.inactive })
}

// concurrently runs each command and shows them in order: a broker that is away takes its time.
func (s *system) concurrently(name string, left func(playing) string, judge func(p playing, status int, errs string)) {
	s.t.Helper()
	all := slices.DeleteFunc(played(s.dir), func(p playing) bool { return left(p) != "" })
	type shown struct {
		status    int
		out, errs string
	}
	answers := make([]shown, len(all))
	var running sync.WaitGroup
	for n, p := range all {
		running.Go(func() { answers[n].status, answers[n].out, answers[n].errs = s.run(p.words()...) })
	}
	running.Wait()
	session := &shell{dir: s.dir}
	for n, p := range all {
		session.show(p.words(), answers[n].status, answers[n].out, answers[n].errs)
		judge(p, answers[n].status, answers[n].errs)
	}
	golden(s.t, "commands/"+name+".txt", session.String())
}

func TestEveryCommandWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.url = "nats://127.0.0.1:1"
	s.write(setting{})
	s.concurrently("broker-away", func(p playing) string { return p.away }, func(p playing, status int, errs string) {
		if p.path == "check" { // it goes on, and says so in its table
			return
		}
		if status != int(Failed) || !strings.Contains(errs, "is it running, and does nats.url name it?") {
			t.Errorf("%s without a broker: status %d %s", p.path, status, errs)
		}
	})
}

// A publisher's account may read and change nothing of a destination.
func TestEveryCommandRefusedByPermissions(t *testing.T) {
	t.Parallel()
	s := permitted(t)
	s.become("publisher")
	s.concurrently("refused", func(p playing) string { return p.forbidden }, func(p playing, status int, errs string) {
		if status != int(Failed) || !strings.Contains(strings.ToLower(errs), "permission") {
			t.Errorf("%s by a publisher: status %d %s", p.path, status, errs)
		}
	})
}
