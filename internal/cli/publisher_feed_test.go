package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// twoDestinations is the part of a configuration file that a publisher's preview reads; the rest need not be good.
const twoDestinations = `accounts: [{id: acme, api_key: "${NOT_SET_HERE}"}]
destinations:
  - {id: newsletter, name: News, owner: crm, account: acme, list_id: l1, segments: [high-value], profile_cap: 0,
     mapping: {email: email, first_name: first, custom_fields: {loyalty: tier}}}
  - {id: alerts, name: Alerts, owner: crm, account: acme, list_id: l2, segments: [vip], profile_cap: 0, mapping: {email: mail}}
`

const peopleRows = "profile_id,email,first\na,ada@example.com,Ada\nb,,Bob\n,x@example.com,\n"

func TestAPreviewShowsTheFirstRowsAndWhatDestinationsMakeOfThem(t *testing.T) {
	b := newPublisherBench(t) // no stream: a preview needs none
	b.file("rollcall.yaml", twoDestinations)
	b.file("people.csv", peopleRows)
	status, out, errs := b.run("", "publish", "people.csv", "--segment", "high-value", "--change", "entered", "--preview=4")
	contains(t, "the preview", out,
		`people.csv:2: {"specversion":"1.0"`, `"profile_id":"a","change":"entered","attributes":{"email":"ada@example.com","first":"Ada"}`,
		"  newsletter: contact ada@example.com with first_name\n", "  alerts: does not select the segment\n",
		"  newsletter: a dead letter, no_email: email is null\n", "people.csv:4: refused, schema: data.profile_id is empty\n", "a preview: nothing was published\n")
	if want := "destination newsletter maps tier, which no column of people.csv gives\n"; status != 3 || errs != want { // a row is refused
		t.Errorf("status %d, %s", status, errs)
	}
	status, out, _ = b.run("", "publish", "people.csv", "--segment", "high-value", "--change", "entered", "--preview", "--json", "--rejects", "none")
	var answer publisherSummary
	if err := json.Unmarshal([]byte(out), &answer); err != nil || status != 3 || len(answer.Preview) != 3 || len(answer.Warnings) != 1 || answer.Preview[0].Destinations[0].Email != "ada@example.com" {
		t.Errorf("status %d, %v: %s", status, err, out)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "none")); err == nil {
		t.Error("a preview keeps no rejects")
	}
}

func TestStrictPublishesNothingThatADestinationCannotUse(t *testing.T) {
	b := newPublisherBench(t).stream()
	b.file("people.csv", peopleRows)
	if status, _, errs := b.run("", "publish", "people.csv", "--segment", "vip", "--change", "entered", "--strict"); status != 2 || !strings.Contains(errs, "there is no rollcall.yaml") {
		t.Errorf("without a file: status %d %s", status, errs)
	}
	b.file("rollcall.yaml", twoDestinations)
	for segmentID, want := range map[string]string{
		"vip": "destination alerts maps mail, which no column of people.csv gives", "high-value": "destination newsletter maps tier, which", "other": "no destination of rollcall.yaml selects the segment other",
	} {
		status, _, errs := b.run("", "publish", "people.csv", "--segment", segmentID, "--change", "entered", "--strict")
		if status != 3 || !strings.Contains(errs, want) || !strings.Contains(errs, "--strict: the file's rows were not published") {
			t.Errorf("%s: status %d %s", segmentID, status, errs)
		}
	}
	b.file("mixed.csv", "profile_id,segment_id,change,email,first,tier,mail\na,high-value,entered,a@example.com,A,1,m\nb,other,entered,b@example.com,B,1,m\n")
	status, _, errs := b.run("", "publish", "mixed.csv", "--strict")
	if status != 3 || !strings.Contains(errs, "mixed.csv:3: refused, schema: no destination selects its segment") || len(b.bodies()) != 1 {
		t.Errorf("a row's own segment: status %d, %d events, %s", status, len(b.bodies()), errs)
	}
	if status, _, errs := b.run("", "publish", "mixed.csv"); status != 0 || !strings.Contains(errs, "no destination of rollcall.yaml selects the segment other") {
		t.Errorf("without --strict it is told: status %d %s", status, errs)
	}
}

// A destination that names no mapping takes what there is: that a file lacks a city is no news.
func TestADestinationWithoutAMappingNeedsTheEmailOnly(t *testing.T) {
	b := newPublisherBench(t).stream()
	b.file("rollcall.yaml", "destinations: [{id: news, name: News, owner: crm, account: acme, list_id: l1, segments: [s], profile_cap: 0}]\n")
	given := []string{"publish", "--segment", "s", "--change", "entered", "--strict"}
	if status, _, errs := b.run("profile_id,email\na,a@example.com\n", given...); status != 0 || errs != "" {
		t.Errorf("status %d %s", status, errs)
	}
	if status, _, errs := b.run("profile_id,mail\na,a@example.com\n", given...); status != 3 || !strings.Contains(errs, "maps email, which no column of standard input gives") {
		t.Errorf("status %d %s", status, errs)
	}
}

func TestRefusedRowsAreKeptAsTheyWere(t *testing.T) {
	b := newPublisherBench(t).stream()
	b.file("people.csv", "profile_id,note\n,\"two\nlines\"\nb,ok\nc\n")
	status, _, _ := b.run("", "publish", "people.csv", "--segment", "s", "--change", "entered", "--rejects", "rejects.ndjson")
	kept, err := os.ReadFile(filepath.Join(b.dir, "rejects.ndjson"))
	want := `{"file":"people.csv","line":2,"reason":"schema","detail":"data.profile_id is empty","row":",\"two\nlines\""}` + "\n" +
		`{"file":"people.csv","line":5,"reason":"unreadable","detail":"it has 1 cell, the header 2","row":"c"}` + "\n"
	if status != 3 || err != nil || string(kept) != want {
		t.Errorf("status %d, %v: %s", status, err, kept)
	}
	if info, err := os.Stat(filepath.Join(b.dir, "rejects.ndjson")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("it names persons: %v, %v", info.Mode(), err)
	}
	if status, _, errs := b.run("", "publish", "people.csv", "--segment", "s", "--change", "entered", "--rejects", "rejects.ndjson"); status != 2 || !strings.Contains(errs, "is there already") {
		t.Errorf("over what is there: status %d %s", status, errs)
	}
	if status, _, errs := b.run("profile_id\na\n", "publish", "--segment", "s", "--change", "entered", "--rejects", "none"); status != 0 || errs != "" {
		t.Errorf("nothing refused: status %d %s", status, errs)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "none")); err == nil {
		t.Error("a file of no rows is left")
	}
}

func TestRowsOfOneProfileThatDifferAreTold(t *testing.T) {
	b := newPublisherBench(t).stream()
	b.file("one.csv", "profile_id,email\na,1\nb,1\na,1\nb,2\n")
	b.file("two.csv", "profile_id,email\nc,1\na,2\n")
	status, out, errs := b.run("", "refresh", "one.csv", "two.csv", "--segment", "s", "--json")
	var answer publisherSummary
	if err := json.Unmarshal([]byte(out), &answer); err != nil || status != 0 || answer.Differing != 2 {
		t.Errorf("status %d, %v, %s", status, err, out)
	}
	contains(t, "the warnings", errs, "one.csv:3 and line 5 are rows of one profile, and differ: the last one counts", "one.csv:2 and two.csv:3 are rows of one profile, and differ")
	// Events are a history: that they differ is what they are for.
	b.file("events.ndjson", strings.Repeat(`{"specversion":"1.0","id":"1","source":"s","type":"rollcall.membership.changed.v1","data":{"segment_id":"s","profile_id":"a","change":"exited"}}`+"\n", 2))
	if status, _, errs := b.run("", "publish", "events.ndjson"); status != 0 || errs != "" {
		t.Errorf("events: status %d %s", status, errs)
	}
	var many strings.Builder
	many.WriteString("profile_id,n\n")
	for i := range 50 {
		fmt.Fprintf(&many, "p%d,%d\n", i/2, i)
	}
	if _, _, errs = b.run(many.String(), "publish", "--segment", "s", "--change", "entered"); !strings.Contains(errs, "and 5 profiles more have rows that differ\n") || strings.Count(errs, "\n") != 21 {
		t.Errorf("many: %s", errs)
	}
}

// What is not UTF-8 is asked about where somebody can be asked, and refused elsewhere.
func TestAnEncodingIsAskedAboutAndNeverGuessed(t *testing.T) {
	b := newPublisherBench(t).stream()
	western, err := charmap.Windows1252.NewEncoder().String("profile_id,city\na,Köln\n")
	if err != nil {
		t.Fatal(err)
	}
	b.file("people.csv", western)
	given := []string{"publish", "people.csv", "--segment", "s", "--change", "entered"}
	status, _, errs := b.run("", given...)
	if status != 2 || errs != "publisher: people.csv: it seems to be windows-1252, not UTF-8: look at it, then say --encoding windows-1252\n" {
		t.Errorf("status %d %s", status, errs)
	}
	for answer, want := range map[string]int{"n\n": 2, "y\n": 0} {
		var out, asked bytes.Buffer
		env := &Env{Stdin: strings.NewReader(answer), Stdout: &out, Stderr: &asked, person: true, LookupEnv: func(name string) (string, bool) { return b.url, name == natsURLVariable }}
		if status := Main(t.Context(), env, Publisher(env), given); status != want || !strings.Contains(asked.String(), "people.csv seems to be windows-1252, not UTF-8. Read it so? [y/N]") {
			t.Errorf("%q: status %d %s", answer, status, &asked)
		}
	}
	if status, _, errs := b.run("", append(given, "--encoding", "cp1252")...); status != 0 || errs != "" {
		t.Errorf("named: status %d %s", status, errs)
	}
	b.expectStored(`segments.membership.s.a {"segment_id":"s","profile_id":"a","change":"entered","attributes":{"city":"Köln"}}`)
}

func TestAFileWithoutRowsIsTold(t *testing.T) {
	b := newPublisherBench(t).stream()
	b.file("empty.ndjson", "\n")
	if status, _, errs := b.run("", "publish", "empty.ndjson"); status != 0 || errs != "empty.ndjson holds no row\n" {
		t.Errorf("status %d %s", status, errs)
	}
	for _, given := range [][]string{
		{"--map", "x"}, {"--map-file", "none"}, {"--preset", "excel"}, {"--id-from", "phone"}, {"--id-from", "email", "--id-column", "x"}, {"--delimiter", "::"}, {"--encoding", "klingon"}, {"--preview=-1"},
	} {
		if status, _, errs := b.run("", append([]string{"publish", "empty.ndjson"}, given...)...); status != 2 {
			t.Errorf("%v: status %d %s", given, status, errs)
		}
	}
}
