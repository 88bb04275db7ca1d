package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/control"
	"rollcall/internal/testkit"
)

// runbook is the page whose sessions are played here. A test gives the commands of one situation to a running system;
// what they print, masked, is what the page's console blocks show, or the test fails. ROLLCALL_UPDATE=1 writes the
// blocks instead.
const runbook = "../../docs/runbook.md"

// situation is one situation of the runbook while it is played.
type situation struct {
	*system
	heading string
	blocks  []*strings.Builder
}

// situation begins to play what stands under a heading of the runbook. It is compared at the test's end.
func (s *system) situation(heading string) *situation {
	p := &situation{system: s, heading: heading, blocks: []*strings.Builder{{}}}
	s.t.Cleanup(func() {
		if !s.t.Failed() {
			p.compare()
		}
	})
	return p
}

// cut ends a console block: what follows is shown in the next one.
func (p *situation) cut() { p.blocks = append(p.blocks, &strings.Builder{}) }

func (p *situation) show(format string, arguments ...any) {
	_, _ = fmt.Fprintf(p.blocks[len(p.blocks)-1], format, arguments...)
}

// play gives a command line that has to be done. Questions are answered with yes.
func (p *situation) play(line string) string {
	p.t.Helper()
	return p.plays(Done, line)
}

// plays gives a command line that ends with a status. Other statuses than 0 are shown.
func (p *situation) plays(want Status, line string) string {
	p.t.Helper()
	words := shellWords(line)
	for i, word := range words {
		if ext := filepath.Ext(word); ext == ".csv" || ext == ".backup" {
			words[i] = filepath.Join(p.dir, word)
		}
	}
	var out bytes.Buffer
	env := &Env{Stdin: strings.NewReader("y\n"), Stdout: &out, Stderr: &out, Version: "test", LookupEnv: p.env, person: true}
	root := Consumer
	if words[0] == "publisher" {
		root = Publisher
	}
	status := Main(p.t.Context(), env, root(env), words[1:])
	text := p.masked(out.String())
	if status != int(want) {
		p.t.Fatalf("%s: status %d, want %d\n%s", line, status, want, out.String())
	}
	p.show("$ %s\n%s", line, text)
	if status != int(Done) {
		p.show("[status %d]\n", status)
	}
	return out.String()
}

// playUntil gives a command line again and again until what it prints matches: what comes and goes meanwhile is
// shown as it was then.
func (p *situation) playUntil(line, shape string) {
	p.t.Helper()
	block, want := p.blocks[len(p.blocks)-1], regexp.MustCompile(shape)
	before := block.String()
	p.until(shape, func() bool {
		block.Reset()
		block.WriteString(before)
		return want.MatchString(p.play(line))
	})
}

// happens shows what was done outside of the commands.
func (p *situation) happens(what string) { p.show("# %s\n", what) }

// file writes a file into the operator's folder and shows it.
func (p *situation) file(name, content string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.show("$ cat %s\n%s", name, content)
}

// restart changes the configuration and starts the consumer again, as an operator does it.
func (p *situation) restart(what, old, changed string) {
	p.t.Helper()
	p.stop()
	p.edit(old, changed)
	p.happens(what + ", and consumer run is started again")
	p.consume()
}

// edit changes the configuration.
func (s *system) edit(old, changed string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "rollcall.yaml")
	body, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.Count(string(body), old) != 1 {
		s.t.Fatalf("the configuration has %q %d times", old, strings.Count(string(body), old))
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(body), old, changed, 1)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// shellWords splits a command line as a shell does, as far as the runbook needs it.
func shellWords(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

var (
	progressLine = regexp.MustCompile(`(?m)^(replay \S+: read up to|\S+: \d+ listed, \d+ on the way|published [\d,]+ of about).*\n`)
	requestID    = regexp.MustCompile(`request simulator-\d+`)
	accountHolds = regexp.MustCompile(`account (\S+) holds [\d,]+`)
	perSecond    = regexp.MustCompile(`\([\d,]+/s\)`)
	tableRow     = regexp.MustCompile(`(?m)^(TIME|<time>|RESULT|passed|failed|warning|cannot) .*$`)
	gap          = regexp.MustCompile(`  +`)
	jobCounts    = regexp.MustCompile(`of batch \d+: \S+ asked, \S+ applied`)
	jobLines     = regexp.MustCompile(`(?m)^( *receipt   .*\n)( *receipts?  +.*\n)*`)
)

// masked is what differs from run to run put into angle brackets, without lines of progress. How changes fall into
// batches differs too, so each contact shows one receipt.
func (p *situation) masked(text string) string {
	host, _ := os.Hostname()
	text = strings.ReplaceAll(text, p.dir+"/", "")
	text = strings.ReplaceAll(text, fmt.Sprintf("%s-%d", host, os.Getpid()), "host-1")
	text = strings.ReplaceAll(text, "[y/N] ", "[y/N] y\n")
	text = progressLine.ReplaceAllString(text, "")
	for _, m := range masks {
		text = m.what.ReplaceAllString(text, m.as)
	}
	text = jobCounts.ReplaceAllString(text, "of batch <n>: <n> asked, <n> applied")
	text = jobLines.ReplaceAllString(text, "$1")
	text = configHash.ReplaceAllString(serverVersion.ReplaceAllString(text, "NATS <version>"), "hash <hash>")
	text = accountHolds.ReplaceAllString(text, "account $1 holds <n>")
	text = requestID.ReplaceAllString(text, "request <id>")
	text = perSecond.ReplaceAllString(text, "(<n>/s)")
	text = strings.ReplaceAll(text, control.Who(), "<who>")
	return tableRow.ReplaceAllStringFunc(text, func(row string) string { return gap.ReplaceAllString(row, "  ") })
}

// consume runs `consumer run` in this process, as in a shell of its own, until stop. Its log names nobody (I12).
func (s *system) consume() {
	s.t.Helper()
	s.consumeAs("newsletter")
}

// consumeAs does, and waits until a destination of the file is active.
func (s *system) consumeAs(destination string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := &bytes.Buffer{}
	env := &Env{Stdin: strings.NewReader(""), Stdout: log, Stderr: log, Version: "1.0.0", LookupEnv: s.env}
	var running sync.WaitGroup
	status := int(Done)
	running.Go(func() { status = Main(ctx, env, Consumer(env), []string{"run"}) })
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		running.Wait()
		if status != int(Done) {
			s.t.Errorf("consumer run: status %d\n%s", status, log)
		}
		testkit.Unnamed(s.t, log.Bytes(), planted...)
		s.said += log.String()
	}
	s.until("an active replica", func() bool {
		var a statusAnswer
		s.json(&a, "status", destination)
		return a.Destinations[0].Replica != ""
	})
}

// dropNewsletter takes the destination newsletter, the last of the file, out of it.
func (s *system) dropNewsletter() {
	s.t.Helper()
	path := filepath.Join(s.dir, "rollcall.yaml")
	body, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(body), "  - id: newsletter\n")
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

var page sync.Mutex // covers the runbook's file while it is rewritten

var console = regexp.MustCompile("(?s)```console\n(.*?)```\n")

// compare holds what was played against the page.
func (p *situation) compare() {
	p.t.Helper()
	page.Lock()
	defer page.Unlock()
	body, err := os.ReadFile(runbook)
	if err != nil {
		p.t.Fatal(err)
	}
	at, end := section(string(body), p.heading)
	if at < 0 {
		p.t.Fatalf("%s has no heading %q", runbook, p.heading)
	}
	part := string(body)[at:end]
	shown := console.FindAllStringSubmatchIndex(part, -1)
	if len(shown) != len(p.blocks) {
		p.t.Fatalf("under %q the runbook has %d console blocks, and %d were played", p.heading, len(shown), len(p.blocks))
	}
	for i, at := range slices.Backward(shown) {
		from, to := at[2], at[3]
		now := p.blocks[i].String()
		if os.Getenv("ROLLCALL_UPDATE") != "1" {
			if diff := cmp.Diff(part[from:to], now); diff != "" {
				p.t.Errorf("under %q the runbook shows something else (-runbook +now); ROLLCALL_UPDATE=1 writes it, if that is meant:\n%s", p.heading, diff)
			}
			continue
		}
		part = part[:from] + now + part[to:]
	}
	if os.Getenv("ROLLCALL_UPDATE") == "1" {
		if err := os.WriteFile(runbook, []byte(string(body)[:at]+part+string(body)[end:]), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
}

// section is where a heading's text stands in a page: up to the next heading, but not one in a console block.
func section(page, heading string) (from, to int) {
	at := regexp.MustCompile(`(?m)^##+ ` + regexp.QuoteMeta(heading) + `\n`).FindStringIndex(page)
	if at == nil {
		return -1, -1
	}
	if next := regexp.MustCompile(`(?m)^##+ `).FindStringIndex(page[at[1]:]); next != nil {
		return at[1], at[1] + next[0]
	}
	return at[1], len(page)
}

// Every situation of the runbook has a session, and a test that plays it.
func TestEverySituationOfTheRunbookIsPlayed(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	tests := ""
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests += string(source)
	}
	at, _ := section(string(body), "Situations")
	end := strings.Index(string(body), "\n## Suspended")
	headings := regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(string(body)[at:end], -1)
	if len(headings) < 14 {
		t.Errorf("the runbook has %d situations", len(headings))
	}
	for _, heading := range headings {
		from, to := section(string(body), heading[1])
		if !console.MatchString(string(body)[from:to]) {
			t.Errorf("%q has no session", heading[1])
		}
		if !strings.Contains(tests, fmt.Sprintf("situation(%q)", heading[1])) {
			t.Errorf("%q is played by no test", heading[1])
		}
	}
}
