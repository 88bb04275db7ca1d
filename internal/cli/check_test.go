package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/internal/broker"
	"rollcall/internal/desk/check"
	"rollcall/internal/testkit"
	"rollcall/schemas"
)

// checked is what `check --json` prints.
type checked struct {
	Passed, Failed, Warnings, Unseen int
	Findings                         []check.Finding
}

// check runs `check --json`, which has to end with a status.
func (s *system) check(status int) checked {
	s.t.Helper()
	got, out, errs := s.run("check", "--json")
	var answer checked
	if err := json.Unmarshal([]byte(out), &answer); err != nil || got != status {
		s.t.Fatalf("status %d, want %d (%v)\n%s%s", got, status, err, out, errs)
	}
	published(s.t, out)
	return answer
}

// published holds what was printed for programs against its schema.
func published(t *testing.T, out string) {
	t.Helper()
	schema, err := schemas.Compile(schemas.Check)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// of gives the finding about a thing.
func (c checked) of(t *testing.T, what, look string) check.Finding {
	t.Helper()
	for _, one := range c.Findings {
		if one.What == what && one.Check == look {
			return one
		}
	}
	t.Fatalf("nothing is said of %s, %s: %+v", what, look, c.Findings)
	return check.Finding{}
}

var (
	serverVersion = regexp.MustCompile(`NATS [0-9.]+`)
	configHash    = regexp.MustCompile(`hash [0-9a-f]+`)
)

// stable takes out what differs from build to build and from run to run.
func stable(text string) string {
	return configHash.ReplaceAllString(serverVersion.ReplaceAllString(text, "NATS <version>"), "hash <hash>")
}

func TestCheckOfWhatFitsPassesWritesNothingAndSaysWhatCannotBeSeen(t *testing.T) {
	s := newSystem(t, setting{more: "    mapping: {email: email, city: city, custom_fields: {tier: tier, points: points}}\n"})
	s.sim.AddField("Tier", "Text")
	s.sim.AddField("points", "Number")
	before := len(s.sim.Requests())
	fresh := s.must("check")
	if names := streams(t, s.conn); len(names) != 0 {
		t.Errorf("check made %v", names)
	}
	golden(t, "check-fresh.txt", stable(fresh))
	if err := s.conn.EnsureStreams(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	s.enter("Ada")
	text, data := s.must("check"), s.must("check", "--json")
	golden(t, "check.txt", stable(text))
	golden(t, "check.json", stable(data))
	testkit.Unnamed(t, []byte(text+data), append(planted, simulatedKey)...)
	for _, request := range s.sim.Requests()[before:] {
		if !strings.HasPrefix(request.Route, "GET ") {
			t.Errorf("check asked SendGrid for %+v", request)
		}
	}
	if st, err := s.conn.InspectStream(t.Context(), broker.DefaultEventStream); err != nil || st.LastSeq != 1 {
		t.Errorf("the event stream is at %d: %v", st.LastSeq, err)
	}
}

func streams(t *testing.T, conn *broker.Conn) (names []string) {
	t.Helper()
	list := conn.JS.StreamNames(t.Context())
	for name := range list.Name() {
		names = append(names, name)
	}
	if list.Err() != nil {
		t.Fatal(list.Err())
	}
	return names
}

// Whatever check looks at and finds wrong: status 3, what failed, and what to do about it.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		setting    setting
		spoil      func(*testing.T, *system)
		what, look string
		detail     string
		help       string
	}{
		"missing consent": {
			spoil: edited("    consent: {accepted_by: dpo, accepted_on: 2026-11-01}\n", ""),
			what:  "destination newsletter", look: "consent", detail: "nobody accepted", help: "add consent:",
		},
		"withdrawn consent": {
			spoil: edited("accepted_on: 2026-11-01}", "accepted_on: 2026-11-01, withdrawn_on: 2026-11-20}"),
			what:  "destination newsletter", look: "consent", detail: "withdrawn on 2026-11-20", help: "take withdrawn_on out",
		},
		"unknown list": {
			spoil: func(t *testing.T, s *system) { edited(s.list, "5d4e3c2b-0000-4000-8000-000000000001")(t, s) },
			what:  "destination newsletter", look: "list", detail: "404", help: `has to name a list of this account: "Newsletter" is `,
		},
		"missing custom field": {
			setting: setting{more: "    mapping: {email: email, custom_fields: {loyalty_tier: tier}}\n"},
			spoil:   func(_ *testing.T, s *system) { s.sim.AddField("tier", "Text") },
			what:    "destination newsletter", look: "fields", detail: "the account has no custom field loyalty_tier", help: "the account has tier",
		},
		"revoked key": {
			spoil: func(_ *testing.T, s *system) { s.sim.Revoke(true) },
			what:  "account acme", look: "key", detail: "401", help: "put a valid key where api_key or api_key_file reads it",
		},
		"SendGrid out of reach": {
			spoil: func(t *testing.T, s *system) { edited(s.base, "http://127.0.0.1:1")(t, s) },
			what:  "account acme", look: "key", detail: "", help: "is base_url right, and can this machine reach it?",
		},
		"stream with contradicting settings": {
			spoil: func(t *testing.T, s *system) {
				makeStream(t, s, jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: []string{"segments.membership.*", "segments.refreshed.*.*", "segments.erased.*"}, MaxMsgsPerSubject: 1})
			},
			what: "stream SEGMENT_EVENTS", look: "fits", detail: "max_msgs_per_subject is 1", help: "stream_unfit",
		},
		"ledger that ages": {
			spoil: func(t *testing.T, s *system) {
				makeStream(t, s, jetstream.StreamConfig{Name: broker.LedgerStream, Subjects: []string{"rollcall.ledger.>"}, MaxAge: 1e15})
			},
			what: "stream ROLLCALL_LEDGER", look: "fits", detail: "max_age", help: "nothing is claimed until it fits",
		},
		"unreachable broker": {
			spoil: func(t *testing.T, s *system) { edited(s.url, "nats://127.0.0.1:1")(t, s) },
			what:  "broker", look: "reachable", detail: "127.0.0.1:1", help: "start the broker, or correct nats.url",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, c.setting)
			c.spoil(t, s)
			answer := s.check(int(No))
			one := answer.of(t, c.what, c.look)
			if one.Verdict != check.Failed || !strings.Contains(one.Detail, c.detail) || !strings.Contains(one.Help, c.help) {
				t.Errorf("%+v, want %q and %q", one, c.detail, c.help)
			}
			if answer.Failed != 1 {
				t.Errorf("%d failed: %+v", answer.Failed, answer.Findings)
			}
		})
	}
}

// What the ledger says is seen before a consumer runs into it, with the reason that it would be suspended for; and looking
// writes nothing.
func TestCheckSeesWhatAConsumerWouldFindInTheLedger(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada", "Grace")
	s.settled(2)
	s.stop()
	path := filepath.Join(s.dir, "rollcall.yaml")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries := ledgerEnd(t, s)
	for name, c := range map[string]struct {
		old, new string // in the file
		status   Status
		what     string
		want     check.Finding
	}{
		"as it was": {"newsletter-optin", "newsletter-optin", Done, "destination newsletter", check.Finding{Verdict: check.Passed, Detail: "cursor 2, 2 listed"}},
		"another list": {
			s.list, s.sim.AddList("", "Another"), No, "destination newsletter",
			check.Finding{Verdict: check.Failed, Detail: "another list", Reason: "target_changed", Help: "give the new list a new destination id"},
		},
		"other segments": {
			"[high-value, newsletter-optin]", "[high-value, new]", Done, "destination newsletter",
			check.Finding{Verdict: check.Passed, Detail: "back-filled when it is claimed: new; let go under the guard when it is claimed: newsletter-optin"},
		},
		"a destination that left the file": {
			"id: newsletter\n", "id: other\n", Done, "ledger",
			check.Finding{Verdict: check.Warning, Detail: "1 destination of the ledger that nobody configures: newsletter", Help: "consumer remove newsletter"},
		},
	} {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		edited(c.old, c.new)(t, s)
		look := "ledger"
		if c.what == "ledger" {
			look = "orphans"
		}
		one := s.check(int(c.status)).of(t, c.what, look)
		if one.Verdict != c.want.Verdict || one.Reason != c.want.Reason || !strings.Contains(one.Detail, c.want.Detail) || !strings.Contains(one.Help, c.want.Help) {
			t.Errorf("%s: %+v, want %+v", name, one, c.want)
		}
	}
	if now := ledgerEnd(t, s); now != entries {
		t.Errorf("the ledger's stream went from %d to %d by looking", entries, now)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.conn.JS.DeleteStream(t.Context(), broker.DefaultEventStream); err != nil {
		t.Fatal(err)
	}
	if one := s.check(int(No)).of(t, "destination newsletter", "ledger"); one.Reason != "stream_changed" || !strings.Contains(one.Help, "consumer rebase newsletter") {
		t.Errorf("without its stream: %+v", one)
	}
	purgeLedger(t, s)
	if one := s.check(int(Done)).of(t, "destination newsletter", "list"); one.Verdict != check.Passed {
		t.Errorf("the list: %+v", one)
	}
	if all := s.check(int(Done)); all.Warnings != 1 || !strings.Contains(all.Findings[len(all.Findings)-2].Detail+all.Findings[len(all.Findings)-1].Detail, "2 contacts on it that Rollcall never put there") {
		t.Errorf("strangers on the list of a new destination: %+v", all.Findings)
	}
}

// ledgerEnd is the last sequence of the ledger's stream.
func ledgerEnd(t *testing.T, s *system) uint64 {
	t.Helper()
	stream, err := s.conn.JS.Stream(t.Context(), broker.LedgerStream)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.LastSeq
}

// purgeLedger is the loss of the destination's journal.
func purgeLedger(t *testing.T, s *system) {
	t.Helper()
	stream, err := s.conn.JS.Stream(t.Context(), broker.LedgerStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("rollcall.ledger.newsletter")); err != nil {
		t.Fatal(err)
	}
}

// A file whose revision is behind the one in force would stand by; a ledger that lost its journal is not claimed.
func TestCheckSeesAnOlderFileAndALostLedger(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	edited("accounts:", "revision: 3\naccounts:")(t, s)
	s.start()
	s.active()
	s.stop()
	edited("revision: 3", "revision: 2")(t, s)
	if one := s.check(int(No)).of(t, "destination newsletter", "ledger"); !strings.Contains(one.Detail, "revision 3 is in force, and this file has 2") {
		t.Errorf("%+v", one)
	}
	edited("revision: 2", "revision: 3")(t, s)
	path := filepath.Join(s.dir, "backup")
	s.must("ledger", "backup", "newsletter", path)
	s.must("ledger", "restore", "newsletter", path, "--yes") // leaves a snapshot
	purgeLedger(t, s)
	if one := s.check(int(No)).of(t, "destination newsletter", "ledger"); one.Reason != "ledger_lost" || one.Help != "consumer verify newsletter --adopt" {
		t.Errorf("%+v", one)
	}
}

func TestCheckWarnsOfAnAccountAboveItsCap(t *testing.T) {
	s := newSystem(t, setting{limit: 2})
	s.start()
	s.active()
	s.enter("Ada", "Grace")
	s.settled(2)
	s.stop()
	if one := s.check(int(Done)).of(t, "account acme", "caps"); one.Verdict != check.Passed || one.Detail != "2 contacts, 2 billable, of 5,000" {
		t.Errorf("%+v", one)
	}
	edited("profile_cap: 5000, ", "profile_cap: 1, ")(t, s)
	edited("profile_cap: 2\n", "profile_cap: 1\n")(t, s)
	if one := s.check(int(Done)).of(t, "account acme", "caps"); one.Verdict != check.Warning || one.Detail != "2 contacts are above its profile_cap of 1" || one.Help == "" {
		t.Errorf("%+v", one)
	}
}

// edited spoils the configuration file.
func edited(old, replacement string) func(*testing.T, *system) {
	return func(t *testing.T, s *system) {
		t.Helper()
		path := filepath.Join(s.dir, "rollcall.yaml")
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), old) {
			t.Fatalf("the file has no %q", old)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(body), old, replacement, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func makeStream(t *testing.T, s *system, cfg jetstream.StreamConfig) {
	t.Helper()
	if _, err := s.conn.JS.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

// Status 2: the file can't be used. The message has its line, and what to do.
func TestAFileThatCannotBeUsedEndsEveryCommandWithStatusTwoAndItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		old, new, want string
	}{
		"unknown YAML key":           {"profile_cap: 5000", "profile_kap: 5000", `rollcall.yaml:5:`},
		"literal API key":            {`"${KEY}"`, `"SG.abcdefghijklmnopqrstuv.secret"`, "api_key"},
		"unset variable":             {`"${KEY}"`, `"${NOBODY_SET_THIS}"`, "NOBODY_SET_THIS"},
		"caps above the account's":   {"profile_cap: 5000", "profile_cap: 500", "profile_cap"},
		"a list that is named twice": {"segments: [high-value, newsletter-optin]", "segments: [high-value, high-value]", "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, setting{})
			edited(c.old, c.new)(t, s)
			for _, command := range [][]string{{"check"}, {"check", "--json"}, {"run"}, {"status"}} {
				status, out, errs := s.run(command...)
				if status != int(Misuse) || !strings.Contains(errs, c.want) || !regexp.MustCompile(`rollcall\.yaml:\d+:\d+: `).MatchString(errs) {
					t.Errorf("consumer %s: status %d\n%s%s", strings.Join(command, " "), status, out, errs)
				}
				if strings.Contains(out+errs, "SG.") {
					t.Errorf("a key is shown: %s%s", out, errs)
				}
				if command[len(command)-1] == "--json" {
					var file struct{ Problems []struct{ Line int } }
					if err := json.Unmarshal([]byte(out), &file); err != nil || len(file.Problems) != 1 || file.Problems[0].Line == 0 {
						t.Errorf("problems for programs: %v\n%s", err, out)
					}
					published(t, out)
				}
			}
		})
	}
}
