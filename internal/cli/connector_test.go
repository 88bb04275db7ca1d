package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/sendgrid/simulator"
)

// The stock connector's steps, in its order, with our commands (README has the table).
func TestTheStockConnectorsStepsHaveCommands(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{limit: 2})
	p := s.steps()
	p.connect()
	p.consent()
	p.mapAndSelect()
	p.exportOnDemand()
	p.refreshOnSchedule()
	p.remove()
}

// steps is a stock connector's dialogue, one method a step.
type steps struct{ *system }

const given = "consent: {accepted_by: dpo, accepted_on: 2026-11-01}"

func (s *system) steps() *steps {
	s.edit("debounce: {quiet: 50ms, max_wait: 200ms}", "debounce: {quiet: 10m, max_wait: 1h}") // nothing goes without flush
	return &steps{s}
}

// Connect, and test the connection.
func (p *steps) connect() {
	p.t.Helper()
	if out := p.must("check"); !strings.Contains(out, "SendGrid takes it") || !strings.Contains(out, `"Newsletter", 0 contacts`) {
		p.t.Errorf("check: %s", out)
	}
	p.sim.Revoke(true)
	if status, out, _ := p.run("check"); status != int(No) || !strings.Contains(out, "failed") {
		p.t.Errorf("a key that is not taken: status %d %s", status, out)
	}
	p.sim.Revoke(false)
}

// Accept that data leaves the boundary, and name who answers for it: without, nothing is sent.
func (p *steps) consent() {
	p.t.Helper()
	p.edit("    "+given+"\n", "")
	p.consume()
	p.enter("Ada")
	p.until("suspended without consent", func() bool { a := p.status(); return a.Reason == "consent" && a.Cursor == 1 && a.Window == 1 })
	if a := p.status(); a.Owner != "crm team" || !strings.Contains(a.Next, "consent") {
		p.t.Errorf("without consent: %+v", a)
	}
	if status, out, _ := p.run("check"); status != int(No) || !strings.Contains(out, "nobody accepted") {
		p.t.Errorf("check without consent: %d %s", status, out)
	}
	p.must("flush", "newsletter")
	if n := len(p.sim.Jobs()); n != 0 {
		p.t.Errorf("%d jobs without consent", n)
	}
	p.stop()
	p.edit("    segments: ", "    "+given+"\n    segments: ")
}

// Map the fields, choose two segments, save.
func (p *steps) mapAndSelect() {
	p.t.Helper()
	p.edit("    segments: ", "    mapping: {email: mail, first_name: first, last_name: last, country: country, state_province_region: state, city: city, postal_code: zip}\n    segments: ")
	p.consume()
	p.event("high-value", "ada", `{"mail":"ada@example.com","first":"Ada","last":"Lovelace","country":"GB","state":"England","city":"London","zip":"W1"}`)
	p.event("newsletter-optin", "grace", `{"mail":"grace@example.com","first":"Grace","last":"Hopper","country":"US","state":"NY","city":"New York","zip":"10001","tier":"gold"}`)
	p.event("newsletter-optin", "alan", `{"mail":"alan@example.com","first":"Alan"}`)
	p.until("taken over", func() bool { return p.status().Cursor == 4 })
}

// Export now: what waits in its window, and everything.
func (p *steps) exportOnDemand() {
	p.t.Helper()
	p.must("flush", "newsletter", "--comment", "export now")
	p.until("two of three under the cap", func() bool { a := p.status(); return a.Listed == 2 && a.Waiting == 1 && owesNothing(a) })
	if out := p.must("waiting", "newsletter"); !strings.Contains(out, "alan@example.com") {
		p.t.Errorf("waiting: %s", out)
	}
	fields := map[string]map[string]string{}
	p.sim.Contacts(p.list, func(c simulator.Contact) { fields[c.Email] = c.Fields })
	want := map[string]map[string]string{
		"ada@example.com":   {"first_name": "Ada", "last_name": "Lovelace", "country": "GB", "state_province_region": "England", "city": "London", "postal_code": "W1"},
		"grace@example.com": {"first_name": "Grace", "last_name": "Hopper", "country": "US", "state_province_region": "NY", "city": "New York", "postal_code": "10001"},
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		p.t.Errorf("the fields:\n%s", diff)
	}
	before := p.sim.Summary().Upserted
	p.must("replay", "newsletter", "--from-sequence", "1", "--force", "--yes", "--comment", "export everything")
	p.until("exported again", func() bool {
		a := p.status()
		return a.Replay != nil && a.Replay.State == "done" && owesNothing(a) && a.Listed == 2
	})
	if n := p.sim.Summary().Upserted - before; n != 2 {
		p.t.Errorf("%d contacts were exported again, want 2", n)
	}
}

// The scheduled refresh, as a timer runs it: who is not in it has left, and who waited takes the slot.
func (p *steps) refreshOnSchedule() {
	p.t.Helper()
	file := filepath.Join(p.dir, "optin.csv")
	if err := os.WriteFile(file, []byte("profile_id,mail,first\nalan,alan@example.com,Alan\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	var out bytes.Buffer
	env := &Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, LookupEnv: p.env}
	if status := Main(p.t.Context(), env, Publisher(env), []string{"refresh", "--segment", "newsletter-optin", file}); status != int(Done) {
		p.t.Fatalf("refresh: status %d\n%s", status, out.String())
	}
	p.until("taken over", func() bool { return p.status().Cursor == 6 })
	p.until("Alan in Grace's place", func() bool {
		p.must("flush", "newsletter")
		return slices.Equal(p.onList(), []string{"ada@example.com", "alan@example.com"})
	})
	p.settled(2)
}

// Remove the connection.
func (p *steps) remove() {
	p.t.Helper()
	p.stop()
	p.rename("other")
	p.must("remove", "newsletter", "--contacts", "--account", "acme", "--yes", "--comment", "the connection is removed")
	if n := len(p.onList()); n != 0 {
		p.t.Errorf("%d contacts are left", n)
	}
	if out := p.must("status"); strings.Contains(out, "orphaned") {
		p.t.Errorf("it is still there: %s", out)
	}
}

// I5: the cap of 100,000 in total is the account's: two destinations may not be promised more, and share it exactly.
func TestTheCapOfAHundredThousandInTotalIsExact(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred thousand contacts")
	}
	t.Parallel()
	const most, each, late = 100_000, 50_000, 150
	s := newSystem(t, setting{limit: each})
	s.edit("profile_cap: 5000,", fmt.Sprintf("profile_cap: %d,", most))
	second := s.sim.AddList("", "Opt-in")
	other := fmt.Sprintf("  - {id: optin, name: Opt-in, owner: crm team, account: acme, list_id: %s, segments: [newsletter-optin], %s, profile_cap: %d}\n", second, given, each+1)
	s.edit("    segments: [high-value, newsletter-optin]\n", "    segments: [high-value]\n")
	s.edit("destinations:\n", "destinations:\n"+other)
	if status, _, errs := s.run("check"); status != int(Misuse) || !strings.Contains(errs, "100000") {
		t.Errorf("caps above the account's: status %d %s", status, errs)
	}
	s.edit(fmt.Sprintf("profile_cap: %d}", each+1), fmt.Sprintf("profile_cap: %d, debounce: {quiet: 50ms, max_wait: 200ms}}", each))
	s.consume()
	for _, segment := range []string{"high-value", "newsletter-optin"} {
		var rows bytes.Buffer
		rows.WriteString("profile_id,email,first_name\n")
		for n := range each + late {
			fmt.Fprintf(&rows, "%s-%d,%s-%d@example.com,Member\n", segment, n, segment, n)
		}
		var out bytes.Buffer
		env := &Env{Stdin: &rows, Stdout: &out, Stderr: &out, LookupEnv: s.env}
		if status := Main(t.Context(), env, Publisher(env), []string{"publish", "--segment", segment, "--change", "entered", "--format", "csv"}); status != int(Done) {
			t.Fatalf("publish: status %d\n%s", status, out.String())
		}
	}
	s.within(5*time.Minute, "both are full", func() bool {
		var a statusAnswer
		s.json(&a, "status")
		for _, d := range a.Destinations {
			if d.Listed != each || d.Waiting != late || !owesNothing(d) {
				return false
			}
		}
		return true
	})
	if sum := s.sim.Summary(); sum.Contacts != most || sum.Lists[s.list] != each || sum.Lists[second] != each {
		t.Errorf("the account holds %d contacts, want %d: %v", sum.Contacts, most, sum.Lists)
	}
	// A publisher keeps the order of a profile's rows, not that of all: who came first is what the stream says.
	if out := s.must("waiting", "newsletter", "--limit", "1"); !strings.Contains(out, " 50,001 ") {
		t.Errorf("the first in line is not the first who came late, event %d: %s", each+1, out)
	}
}
