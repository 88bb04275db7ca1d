//go:build integration

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/internal/demo/audit"
	"rollcall/internal/publish"
	"rollcall/internal/sendgrid/simulator"
)

const (
	crowd    = 420_000 // profiles
	crowdCap = 60_000
)

// generous is the shipped configuration with all three segments of the made-up population, and with batches so small that each
// kind of mischief finds some to strike.
func generous(file string) string {
	file = strings.Replace(quick(file), "    debounce:", "    batch: {max_contacts: 200}\n    debounce:", 1)
	file = strings.Replace(file, "[high-value, newsletter-optin]", "[high-value, newsletter-optin, recently-active]", 1)
	return strings.Replace(file, fmt.Sprintf("profile_cap: %d\n", places), fmt.Sprintf("profile_cap: %d\n", crowdCap), 1)
}

// mischief is what SendGrid does while a million events come: each kind strikes a seeded share.
var mischief = []map[string]any{
	{"kind": "status", "status": 503, "share": 0.05},
	{"kind": "html", "share": 0.02},
	{"kind": "empty429", "share": 0.02},
	{"kind": "reset", "share": 0.02},
	{"kind": "lose", "share": 0.03},
	{"kind": "slow", "share": 0.02, "delay": 1},
	{"kind": "never", "share": 0.05},
	{"kind": "pending", "share": 0.05},
	{"kind": "late", "share": 0.05, "delay": 60},
	{"kind": "early", "share": 0.05},
	{"kind": "unknown", "share": 0.05, "delay": 60},
	refusing[0], refusing[1],
}

// refusing strikes the same addresses always: by name, or without naming anybody, so that the batch has to be halved.
var refusing = []map[string]any{{"kind": "refuse", "share": 0.0005}, {"kind": "unnamed", "share": 0.0002}}

// A million events of people who come, change, flap, move and leave, while SendGrid fails in every way that it has and the active
// consumer is killed in the middle (I1, I4, I5, I7, I8).
func TestAMillionEventsUnderSeededFaults(t *testing.T) {
	w := newWorld(t, "soak", generous)
	j := w.follow()
	r := row{scenario: "a million events while SendGrid fails in every way", wantKills: 1, bound: election}
	began := time.Now()
	w.sendgrid().faults(mischief...)
	published := make(chan string, 1)
	go func() {
		defer close(published) // also where the job failed
		published <- w.job(8*time.Minute, nil, "/publisher", "generate", "--config", "/etc/rollcall/rollcall.yaml", "--publish",
			"--profiles", fmt.Sprint(crowd), "--seed", fmt.Sprint(seed), "--churn", "0.5", "--changes", "2")
	}()
	time.Sleep(10 * time.Second)
	victim := w.active()
	d := w.kill(victim)
	r.deaths = append(r.deaths, d)
	var claims []entry
	w.await("the other consumer to claim", time.Minute, func() bool { claims = j.since(d.time()); return len(claims) > 0 })
	if claims[0].claim.Replica[:12] == d.id[:12] {
		r.unclaimed++
	}
	r.took = append(r.took, claims[0].at.Sub(d.time()))
	w.revive(victim)
	t.Log(<-published)
	population := publish.Population{Seed: seed, Profiles: crowd, BadEmails: 0.01, Churn: 0.5, Changes: 2}
	r.events = population.Count()
	if r.events < 1_000_000 {
		t.Errorf("%d events are no million", r.events)
	}
	struck := w.sendgrid().summary().Struck
	t.Logf("requests and jobs that faults struck: %v", struck)
	w.sendgrid().faults(refusing...)
	found := w.auditCrowd(t)
	for _, m := range mischief[:len(mischief)-len(refusing)] {
		if kind := m["kind"].(string); struck[kind] == 0 {
			t.Errorf("no fault of the kind %s struck", kind)
		}
	}
	if found.Refused == 0 {
		t.Error("nobody was refused")
	}
	r.listed, r.wrong, r.requests = found.Listed, found.Wrong, w.sendgrid().requests()
	r.lasted = time.Since(began)
	r.lost, r.redelivered = j.crowd(t, r.events, w.published())
	w.nobodyFell()
	account := w.judgeCrowd(t, j, population, refuses(t))
	t.Logf("%d applied, %d coalesced, %d waiting, %d dead letters", account.Applied, account.Coalesced, account.Waiting, account.Dead)
	if len(account.Breaches) > 0 {
		t.Errorf("%d breaches, the first: %v", len(account.Breaches), account.Breaches[:min(10, len(account.Breaches))])
	}
	r.lost += len(account.Breaches)
	report(t, &r)
}

// crowd is how many of so many publications, each acknowledged (the job failed otherwise), the stream or the ledger's cursor do
// not have in the end, and how many were handed out twice. The ledger is judged as after every scenario.
func (j *journal) crowd(t *testing.T, events, last int) (lost, again int) {
	t.Helper()
	if _, err := j.fence(); err != nil {
		t.Error(err)
	}
	sequences := make([]uint64, last)
	for i := range sequences {
		sequences[i] = uint64(i + 1)
	}
	committed := int(j.cursorAt(time.Now().Add(time.Hour)))
	return max(0, events-last) + max(0, last-committed), j.again(j.since(time.Time{}), sequences)
}

// refuses tells whom SendGrid refuses.
func refuses(t *testing.T) func(email string) bool {
	t.Helper()
	twin := simulator.New(simulator.Options{Seed: 1}) // the command's default: the same seed refuses the same addresses
	must(t, twin.SetFaults([]simulator.Fault{{Kind: "refuse", Share: 0.0005}, {Kind: "unnamed", Share: 0.0002}}))
	return func(email string) bool { return twin.Refuses(email) || twin.RefusesUnnamed(email) }
}

// auditCrowd waits until the list is right, three minutes after the last event at the latest.
func (w *world) auditCrowd(t *testing.T) (found *audit.Report) {
	t.Helper()
	rules := audit.Rules{Segments: publish.DefaultSegments, Email: "email", Cap: crowdCap, Fields: []audit.Field{{Name: "first_name", Attribute: "first_name", Kind: "Text"}}}
	nc, js := w.connect()
	defer nc.Close()
	var err error
	for until := time.Now().Add(3 * time.Minute); time.Now().Before(until); time.Sleep(3 * time.Second) {
		active := w.activeNow()
		if active == "" || w.metric(active, `rollcall_intake_pending{destination="newsletter"}`) != 0 {
			continue
		}
		if w.metric(active, `rollcall_contacts{destination="newsletter",state="on_the_way"}`)+w.metric(active, `rollcall_contacts{destination="newsletter",state="window"}`) > 0 {
			continue
		}
		if found, err = w.audit(context.Background(), js, rules, refuses(t)); err == nil && found.Clean() {
			t.Logf("%+v; the ledger has %.0f MB", found, w.metric(active, `rollcall_ledger_bytes{destination="newsletter"}`)/1e6)
			return found
		}
	}
	t.Fatalf("three minutes after the last event: %+v, %v", found, err)
	return nil
}
