package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/internal/app"
	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/testkit"
)

const simulatedKey = "SG.simulator"

// system is a running installation: a broker that syncs, SendGrid's simulator, a consumer in this process,
// and an operator's shell.
type system struct {
	t    *testing.T
	sim  *simulator.Simulator
	list string
	base string
	conn *broker.Conn
	url  string
	dir  string
	stop func()

	server string // its URL without a user, where the accounts are those of deployments/nats
	role   string // whose user it is then

	events int    // published
	said   string // by `consumer run`, once stopped
}

// setting is what differs between systems.
type setting struct {
	limit int    // the cap
	plan  int    // contacts that the account's plan allows; 0 is any number
	guard string // YAML of the guard
	more  string // YAML of the destination besides
	scale int    // seconds of SendGrid's clock a second
}

// pace is how fast SendGrid lives.
func (o setting) pace() int {
	if o.scale == 0 {
		return 600
	}
	return o.scale
}

func newSystem(t *testing.T, o setting) *system {
	t.Helper()
	e := testkit.StartBroker(t)
	sim := simulator.New(simulator.Options{Keys: []string{simulatedKey}, ClockScale: float64(o.pace()), Seed: 1, PlanLimit: o.plan})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	s := &system{t: t, sim: sim, list: sim.AddList("", "Newsletter"), base: server.URL, conn: testkit.Connect(t, e), url: e.ClientURL(), dir: t.TempDir(), stop: func() {}}
	s.write(o)
	t.Cleanup(func() { s.stop() })
	return s
}

// write writes the configuration.
func (s *system) write(o setting) {
	s.t.Helper()
	if o.guard == "" {
		o.guard = "{}"
	}
	if o.limit == 0 {
		o.limit = 1000
	}
	text := fmt.Sprintf(`
nats: {url: "%s", name: rollcall}
http: {listen: "127.0.0.1:0"}
accounts:
  - {id: acme, base_url: "%s", api_key: "${KEY}", clock_scale: %d, profile_cap: 5000, request_timeout: 2s}
destinations:
  - id: newsletter
    name: Newsletter, EU customers
    owner: crm team
    account: acme
    list_id: %s
    segments: [high-value, newsletter-optin]
    consent: {accepted_by: dpo, accepted_on: 2026-11-01}
    profile_cap: %d
    debounce: {quiet: 50ms, max_wait: 200ms}
    guard: %s
%s`, s.url, s.base, o.pace(), s.list, o.limit, o.guard, o.more)
	if err := os.WriteFile(filepath.Join(s.dir, "rollcall.yaml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) env(name string) (string, bool) {
	switch name {
	case "KEY":
		return simulatedKey, true
	case configVariable:
		return filepath.Join(s.dir, "rollcall.yaml"), true
	case inboxVariable:
		return s.inbox(), s.role != ""
	}
	return "", false
}

// inbox is the prefix of the role's answers.
func (s *system) inbox() string {
	if s.role == "" {
		return ""
	}
	return "_INBOX_" + s.role
}

// start runs a consumer in this process until stop.
func (s *system) start() {
	s.t.Helper()
	cfg, err := config.Load(filepath.Join(s.dir, "rollcall.yaml"), s.env)
	if err != nil {
		s.t.Fatal(err)
	}
	a := app.New(cfg, app.Options{Conn: testkitConn(s), Replica: "host-1", Version: "1.0.0"})
	if err := a.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	stopped := false
	s.stop = func() {
		if !stopped {
			stopped = true
			if err := a.Stop(context.Background()); err != nil {
				s.t.Error(err)
			}
		}
	}
}

// testkitConn is a connection of the consumer's own, as another process would have.
func testkitConn(s *system) *broker.Conn {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	c, err := broker.Connect(ctx, broker.Options{URL: s.url, Name: "consumer", InboxPrefix: s.inbox()}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// run gives a command's exit status and both outputs.
func (s *system) run(arguments ...string) (status int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	env := &Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "test", LookupEnv: s.env}
	status = Main(s.t.Context(), env, Consumer(env), arguments)
	return status, out.String(), errs.String()
}

// must runs a command that has to be done.
func (s *system) must(arguments ...string) string {
	s.t.Helper()
	status, out, errs := s.run(arguments...)
	if status != int(Done) {
		s.t.Fatalf("consumer %s: status %d\n%s%s", strings.Join(arguments, " "), status, out, errs)
	}
	return out
}

// json runs a command with --json and reads its answer.
func (s *system) json(into any, arguments ...string) {
	s.t.Helper()
	out := s.must(append(arguments, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		s.t.Fatalf("consumer %s --json: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

// until waits for something that the system comes to by itself.
func (s *system) until(what string, done func() bool) {
	s.t.Helper()
	s.within(time.Minute, what, done)
}

// within waits for it longer, or shorter.
func (s *system) within(most time.Duration, what string, done func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(most)
	for !done() {
		if time.Now().After(deadline) {
			_, out, errs := s.run("status")
			s.t.Fatalf("it never came to: %s\n%s%s", what, out, errs)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// event publishes a membership event as any CloudEvents publisher would. Without attributes it leaves.
func (s *system) event(segmentID, profile, attributes string) {
	s.t.Helper()
	s.events++
	change := "entered"
	if attributes == "" {
		change, attributes = "exited", "null"
	}
	body := fmt.Sprintf(`{"specversion":"1.0","id":"t-%d","source":"/test","type":"rollcall.membership.changed.v1","data":{"segment_id":%q,"profile_id":%q,"change":%q,"attributes":%s}}`,
		s.events, segmentID, profile, change, attributes)
	if _, err := s.conn.JS.Publish(s.t.Context(), segment.MembershipSubject(true, segmentID, profile), []byte(body)); err != nil {
		s.t.Fatal(err)
	}
}

// person is a profile's attributes.
func person(name string) string {
	return fmt.Sprintf(`{"email":"%s@example.com","first_name":%q,"country":"GB"}`, strings.ToLower(name), name)
}

// enter lets people join the first segment.
func (s *system) enter(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.event("high-value", strings.ToLower(name), person(name))
	}
}

// status asks for the one destination.
func (s *system) status() control.StatusAnswer {
	s.t.Helper()
	var answer statusAnswer
	s.json(&answer, "status", "newsletter")
	return answer.Destinations[0]
}

// active waits until the consumer has claimed the destination.
func (s *system) active() {
	s.t.Helper()
	s.until("an active replica", func() bool { return s.status().Replica != "" })
}

// settled waits until so many contacts are listed and nothing is left to do for the others.
func (s *system) settled(listed int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%d listed", listed), func() bool {
		a := s.status()
		return a.Listed == listed && owesNothing(a)
	})
}

// owesNothing reports whether nothing is under way and status says so: its age of the oldest change is renewed once a
// second, and the account's count is missing until SendGrid has answered in time. From then on status is the same
// each time, however slow the machine is.
func owesNothing(a control.StatusAnswer) bool {
	return a.Window+a.OnTheWay+a.InDoubt+a.JobsInFlight == 0 && a.IntakePending == 0 && a.OldestUnappliedSeconds == 0 &&
		a.AccountContacts != nil
}

// onList are the e-mails that SendGrid has on the list.
func (s *system) onList() []string {
	var emails []string
	s.sim.Contacts(s.list, func(c simulator.Contact) { emails = append(emails, c.Email) })
	slices.Sort(emails)
	return emails
}

// masks stand for what differs from run to run.
var masks = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<id>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`(?m)^ *receipts  of several batches .*\n`), ""}, // a second is long on the tests' clock
	{regexp.MustCompile(`,\n *"receipts_note": "[^"]*"`), ""},
	{regexp.MustCompile(`configuration [0-9a-f]+`), "configuration <hash>"},
	{regexp.MustCompile(`\bhash [0-9a-f]{16}`), "hash <hash>"},
	{regexp.MustCompile(`("(config_hash|list_id|digest|held_digest)": )"[^"]*"`), "$1\"<text>\""},
	{regexp.MustCompile(`("[a-z0-9_]*(seconds|_ms|bytes|epoch|remaining|limit|account_contacts)": ?)[-0-9.e]+`), "$1<number>"},
	{regexp.MustCompile(`\b(\d+m)?\d+(\.\d+)?(ms|s)\b`), "<span>"},
	{regexp.MustCompile(`nats://[^ ]+|127\.0\.0\.1:\d+`), "<address>"},
	{regexp.MustCompile(`\d+ of \d+ upserts`), "<n> of <n> upserts"},
	{regexp.MustCompile(`digest [0-9a-f]{12}`), "digest <digest>"},
	{regexp.MustCompile(`account acme holds \d+`), "account acme holds <n>"},
	{regexp.MustCompile(`entry \d+`), "entry <n>"},
	{regexp.MustCompile(`("(entry|at)": )\d+`), "$1<n>"},
	{regexp.MustCompile(`newsletter\.\d{20}\.[\w-]+`), "<snapshot>"},
	{regexp.MustCompile(`epoch \d+`), "epoch <n>"},
	{regexp.MustCompile(`/tmp/[^ :]*rollcall.yaml`), "rollcall.yaml"},
	{regexp.MustCompile(regexp.QuoteMeta(control.Who())), "<who>"},
	{regexp.MustCompile(`"(who|host)": "[^"]*"`), "\"$1\": \"<who>\""},
}

// golden compares what a command printed, masked, with a file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	for _, m := range masks {
		text = m.what.ReplaceAllString(text, m.as)
	}
	testkit.Golden(t, name, []byte(text))
}

// rename puts another destination, of another list, into the file instead.
func (s *system) rename(id string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "rollcall.yaml")
	body, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	text := strings.ReplaceAll(strings.Replace(string(body), "- id: newsletter", "- id: "+id, 1), s.list, s.sim.AddList("", id))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
