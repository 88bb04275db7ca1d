package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// bench is a publisher's command line over a broker of the test's.
type publisherBench struct {
	t    *testing.T
	conn *broker.Conn
	url  string
	dir  string
}

func newPublisherBench(t *testing.T) *publisherBench {
	e := testkit.StartBroker(t)
	b := &publisherBench{t: t, conn: testkit.Connect(t, e), url: e.ClientURL(), dir: t.TempDir()}
	t.Chdir(b.dir) // no configuration file here
	return b
}

func (b *publisherBench) stream() *publisherBench {
	b.t.Helper()
	if _, err := b.conn.EnsureEventStream(b.t.Context(), broker.DefaultEventStream, 1); err != nil {
		b.t.Fatal(err)
	}
	return b
}

func (b *publisherBench) file(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return name
}

// run gives the exit status and both outputs.
func (b *publisherBench) run(stdin string, arguments ...string) (status int, stdout, stderr string) {
	b.t.Helper()
	var out, errs bytes.Buffer
	env := &Env{
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Version: "test",
		LookupEnv: func(name string) (string, bool) { return b.url, name == natsURLVariable },
	}
	status = Main(b.t.Context(), env, Publisher(env), arguments)
	return status, out.String(), errs.String()
}

// bodies are the events of the stream, without their envelopes.
func (b *publisherBench) bodies() []string {
	b.t.Helper()
	var all []string
	err := b.conn.ReadRange(b.t.Context(), broker.Range{Stream: broker.DefaultEventStream}, func(m broker.Message) error {
		var e struct{ Data json.RawMessage }
		all = append(all, "")
		err := json.Unmarshal(m.Body, &e)
		all[len(all)-1] = m.Subject + " " + string(e.Data)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b *publisherBench) expectStored(want ...string) {
	b.t.Helper()
	if got := b.bodies(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Errorf("stored\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}

func TestPublishTellsOfEachRefusedRowAndPublishesTheOthers(t *testing.T) {
	b := newPublisherBench(t).stream()
	file := b.file("people.csv", "profile_id,email\nada,ada@example.com\n,secret@example.com\ngrace,grace@example.com,x\nalan,\n")
	status, out, errs := b.run("", "publish", "--segment", "seg", "--change", "entered", file)
	if status != int(No) {
		t.Errorf("status %d: %s", status, errs)
	}
	contains(t, "the report", errs, "people.csv:3: refused, schema: data.profile_id", "people.csv:4: refused, unreadable: it has 3 cells, the header 2")
	contains(t, "the summary", out, "published 2 events to SEGMENT_EVENTS", "sequences 1 to 2", "refused 2 of 4 rows: schema 1, unreadable 1")
	testkit.Unnamed(t, []byte(out+errs), "secret@example.com", "grace", "alan") // I12
	b.expectStored(`segments.membership.seg.ada {"segment_id":"seg","profile_id":"ada","change":"entered","attributes":{"email":"ada@example.com"}}`,
		`segments.membership.seg.alan {"segment_id":"seg","profile_id":"alan","change":"entered","attributes":{"email":null}}`)
}

func TestADryRunReportsTheSameAndPublishesNothing(t *testing.T) {
	b := newPublisherBench(t).stream()
	file := b.file("people.csv", "profile_id,email\nada,a\n,b\nc,d,e\n")
	arguments := []string{"publish", "--segment", "seg", "--change", "entered", "--json", file}
	dryStatus, dryOut, dryErrs := b.run("", append(arguments, "--dry-run")...)
	b.expectStored()
	status, out, errs := b.run("", arguments...)
	if dryStatus != status || dryErrs != errs || status != int(No) {
		t.Errorf("dry: %d %s\nreal: %d %s", dryStatus, dryErrs, status, errs)
	}
	var dry, real publisherSummary
	if json.Unmarshal([]byte(dryOut), &dry) != nil || json.Unmarshal([]byte(out), &real) != nil {
		t.Fatalf("no JSON:\n%s\n%s", dryOut, out)
	}
	if fmt.Sprint(dry.Rows, dry.Refused, dry.RefusedByReason, dry.RefusedRows) != fmt.Sprint(real.Rows, real.Refused, real.RefusedByReason, real.RefusedRows) ||
		!dry.DryRun || dry.Published != 0 || real.DryRun || real.Published != 1 || real.Rows != 3 || len(real.RefusedRows) != 2 || real.RefusedRows[1].Line != 4 {
		t.Errorf("dry %+v\nreal %+v", dry, real)
	}
}

func TestStandardInputIsReadInEveryFormat(t *testing.T) {
	b := newPublisherBench(t).stream()
	inputs := []string{
		"change,segment_id,profile_id\nexited,one,a\n",
		`{"profile_id":"b","attributes":{"n":1}}`,
		`{"specversion":"1.0","id":"old","source":"/x","type":"rollcall.profile.erased.v1","data":{"profile_id":"c","emails":["c@example.com"]}}`,
	}
	for i, in := range inputs {
		arguments := []string{"publish", "--segment", "seg"}
		if i == 1 {
			arguments = append(arguments, "-")
		}
		if status, _, errs := b.run(in, append(arguments, "--change", "entered")...); status != 0 {
			t.Errorf("%s: status %d, %s", in, status, errs)
		}
	}
	b.expectStored(`segments.membership.one.a {"segment_id":"one","profile_id":"a","change":"exited","attributes":{}}`,
		`segments.membership.seg.b {"segment_id":"seg","profile_id":"b","change":"entered","attributes":{"n":1}}`,
		`segments.erased.c {"profile_id":"c","emails":["c@example.com"]}`)
}

func TestRefreshEndsOnlyWhenEveryRowIsPublished(t *testing.T) {
	b := newPublisherBench(t).stream()
	bad := b.file("bad.csv", "profile_id\na\n\"\"\nb\n")
	status, out, errs := b.run("", "refresh", "--segment", "seg", bad)
	if status != int(No) {
		t.Errorf("status %d", status)
	}
	contains(t, "standard error", errs, "bad.csv:3: refused, schema")
	contains(t, "the summary", out, "segment seg is not refreshed: nobody leaves it", "published 2 events")
	good := b.file("good.ndjson", `{"profile_id":"a","attributes":{}}`+"\n"+`{"profile_id":"b","attributes":{}}`+"\n"+`{"profile_id":"a","attributes":{}}`)
	status, out, errs = b.run("", "refresh", "--segment", "seg", "--json", good)
	var sum publisherSummary
	if err := json.Unmarshal([]byte(out), &sum); err != nil || status != 0 || sum.Refresh == nil {
		t.Fatalf("status %d, %v: %s%s", status, err, out, errs)
	}
	if *sum.Refresh != (refreshSummary{Segment: "seg", Refreshed: true, FirstSequence: 3, Count: 2, Sequence: 6}) || sum.Published != 4 {
		t.Errorf("%+v", sum.Refresh)
	}
	if all := b.bodies(); !strings.HasPrefix(all[len(all)-1], `segments.refreshed.seg.3 {"segment_id":"seg","first_sequence":3,"count":2}`) {
		t.Errorf("stored %q", all)
	}
	before := len(b.bodies())
	if status, _, errs = b.run("", "refresh", "--segment", "seg", b.file("empty.csv", "profile_id\n")); status != int(Failed) || !strings.Contains(errs, "--allow-empty") || len(b.bodies()) != before {
		t.Errorf("without a row: %d, %s", status, errs)
	}
	if status, out, errs = b.run("", "refresh", "--segment", "seg", "--allow-empty", b.file("meant.csv", "profile_id\n")); status != int(Done) || len(b.bodies()) != before+1 {
		t.Errorf("without a row, as is meant: %d, %s%s", status, out, errs)
	}
	status, _, errs = b.run("", "refresh", good)
	if status != int(Misuse) || !strings.Contains(errs, "segment") {
		t.Errorf("without a segment: %d, %s", status, errs)
	}
}

func TestExitSendsTheAttributesThatItIsGiven(t *testing.T) {
	b := newPublisherBench(t).stream()
	for _, arguments := range [][]string{{"exit", "a", "--segment", "s"}, {"exit", "b c", "--segment", "s", "--attributes", `{"email":"b@example.com"}`}} {
		if status, out, errs := b.run("", arguments...); status != 0 || !strings.Contains(out, "published 1 event") {
			t.Errorf("%q: status %d, %s%s", arguments, status, out, errs)
		}
	}
	b.expectStored(`segments.membership.s.a {"segment_id":"s","profile_id":"a","change":"exited"}`,
		`segments.membership.s.~47d8a4a86c7433e263d0404a445daabd {"segment_id":"s","profile_id":"b c","change":"exited","attributes":{"email":"b@example.com"}}`)
	for _, arguments := range [][]string{{"exit", "a", "--segment", "s", "--attributes", "[]"}, {"exit", "", "--segment", "s"}, {"exit", "a", "--segment", "no segment"}, {"exit", "a"}, {"exit"}, {"exit", "a ", "--segment", "s"}} {
		if status, _, errs := b.run("", arguments...); status != int(Misuse) || errs == "" {
			t.Errorf("%q: status %d, %s", arguments, status, errs)
		}
	}
}

func TestErasePublishesTheAddressesThatItIsGiven(t *testing.T) {
	b := newPublisherBench(t).stream()
	status, out, errs := b.run("", "erase", "ada", "--email", "a@example.com", "--email", "b@example.com")
	if status != 0 {
		t.Errorf("status %d", status)
	}
	testkit.Unnamed(t, []byte(out+errs), "ada", "a@example.com") // I12
	for _, arguments := range [][]string{{" ada"}, {"ada\u00a0"}, {"ada", "--email", "nobody"}} {
		if status, _, errs := b.run("", append([]string{"erase"}, arguments...)...); status != int(Misuse) || strings.Contains(errs, "ada") {
			t.Errorf("%q: status %d, %s", arguments, status, errs)
		}
	}
	b.expectStored(`segments.erased.ada {"profile_id":"ada","emails":["a@example.com","b@example.com"]}`)
}

func TestGenerateWritesWhatItWouldPublish(t *testing.T) {
	b := newPublisherBench(t)
	flags := []string{"generate", "--profiles", "300", "--seed", "9", "--churn", "0.5"}
	status, events, _ := b.run("", flags...)
	if status != 0 || strings.Count(events, "\n") < 300 {
		t.Fatalf("status %d, %d events", status, strings.Count(events, "\n"))
	}
	if status, out, errs := b.run("", append(flags, "--publish", "--create")...); status != 0 || !strings.Contains(out, "published ") {
		t.Fatalf("status %d, %s%s", status, out, errs)
	}
	generated := b.bodies()
	if err := b.conn.JS.DeleteStream(context.Background(), broker.DefaultEventStream); err != nil {
		t.Fatal(err)
	}
	b.stream()
	if status, _, errs := b.run(events, "publish"); status != 0 {
		t.Fatalf("status %d, %s", status, errs)
	}
	b.expectStored(generated...)
	for _, bad := range [][]string{{"--churn", "2"}, {"--segments", "a b"}, {"--profiles", "-1"}, {"--dry-run"}, {"surplus"}} {
		if status, _, _ := b.run("", append([]string{"generate"}, bad...)...); status != int(Misuse) {
			t.Errorf("%q: status %d", bad, status)
		}
	}
}

func TestAStreamOfItsOwnFormIsUsedAndOneThatIsMissingIsNot(t *testing.T) {
	b := newPublisherBench(t)
	status, _, errs := b.run("", "exit", "a", "--segment", "s")
	if status != int(Failed) {
		t.Errorf("without a stream: status %d", status)
	}
	contains(t, "the error", errs, "SEGMENT_EVENTS", "--create")
	_, err := b.conn.JS.CreateStream(t.Context(), jetstream.StreamConfig{Name: "LOG", Subjects: []string{"segments.membership.*"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, errs := b.run("", "exit", "a", "--segment", "s", "--stream", "LOG"); status != 0 {
		t.Errorf("unkeyed: status %d, %s", status, errs)
	}
	msg, err := b.conn.JS.Stream(t.Context(), "LOG")
	if err != nil || msg.CachedInfo().State.Msgs != 1 {
		t.Errorf("the log holds %+v, %v", msg, err)
	}
}

func TestInputsThatCannotBeReadAreMisuse(t *testing.T) {
	b := newPublisherBench(t).stream()
	csv := b.file("a.csv", "email\nx\n")
	for _, arguments := range [][]string{
		{"publish", csv, "--segment", "s", "--change", "entered"},
		{"publish", "--segment", "s", "--change", "left", csv},
		{"publish", "--segment", "s s", csv},
		{"publish", "--format", "xml", csv},
		{"publish", "--window", "0", csv},
		{"publish", "--bogus"},
		{"bogus"},
	} {
		if status, _, errs := b.run("", arguments...); status != int(Misuse) || errs == "" {
			t.Errorf("%q: status %d, %s", arguments, status, errs)
		}
	}
	for _, arguments := range [][]string{{"publish", "missing.csv"}, {"publish", "."}} {
		if status, _, errs := b.run("", arguments...); status != int(Failed) || errs == "" {
			t.Errorf("%q: status %d, %s", arguments, status, errs)
		}
	}
}

func TestABrokerThatIsNotThereIsAFailureWithinSeconds(t *testing.T) {
	b := newPublisherBench(t)
	b.url = "nats://127.0.0.1:1"
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // instead of waiting out the patience
	var errs bytes.Buffer
	env := &Env{Stdin: strings.NewReader(""), Stdout: &errs, Stderr: &errs, LookupEnv: func(name string) (string, bool) { return b.url, name == natsURLVariable }}
	if status := Main(ctx, env, Publisher(env), []string{"exit", "a", "--segment", "s"}); status != int(Failed) {
		t.Errorf("status %d: %s", status, errs.String())
	}
}
