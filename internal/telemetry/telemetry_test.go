package telemetry

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"rollcall/internal/contact"
	"rollcall/internal/testkit"
)

// told is a set in which every series of the contract has a value.
func told() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	m := New(registry, Build{Version: "1.2.3", Revision: "abc", GoVersion: "go1.26", ConfigHash: "0123456789abcdef"})
	d := m.Destination("newsletter")
	d.Speak(true)
	d.Active(true)
	d.Takeover()
	d.Events(Membership, Folded, 10)
	d.Operations(contact.Remove, Applied, 3)
	d.Fields(Omitted, 2)
	d.DeadLetter("no_email")
	d.DeadLetter("c0ffee")
	d.AppliedAfter(contact.Upsert, 40*time.Second)
	d.AcceptedAfter(contact.Upsert, 6*time.Second)
	d.Committed(4 * time.Millisecond)
	d.SetState(Running, "")
	d.SetState(Suspended, "key")
	d.LettersPresent(map[string]uint64{"no_email": 2, "c0ffee": 1})
	d.Refreshed("vip", time.Unix(1764500000, 0))
	m.Broker(func() bool { return true })
	d.SetLevel(Level{
		HeldRemovals: 12,
		Contacts:     Contacts{Listed: 8, Dirty: 21, Window: 1, OnTheWay: 2, InDoubt: 3, Waiting: 4, Held: 5, Refused: 6},
		Slots:        13, ProfileCap: 100000, IntakePending: 7, OldestUnapplied: 1500 * time.Millisecond, JobsInFlight: 2, LedgerBytes: 4096,
	})
	v := m.Advisories([]string{"SEGMENT_EVENTS"}, []string{"stream_deleted"})
	v.Advisory("SEGMENT_EVENTS", "stream_deleted")
	v.Advisory("ELSEWHERE", "stream_deleted") // outside the closed sets
	m.StreamUsed("ROLLCALL_LEDGER", 0.91)
	m.StreamUsed("ROLLCALL_RECEIPTS", 0.5)
	m.StreamUnlimited("ROLLCALL_RECEIPTS")
	a := m.Account("acme", []string{"PUT /v3/marketing/contacts"})
	a.Request("PUT /v3/marketing/contacts", Class(202), 300*time.Millisecond)
	a.Request("GET /v3/people/ada@example.com", Class(200), time.Second)
	a.Budget("PUT /v3/marketing/contacts", 199)
	a.Contacts(120000, 100000)
	a.Failing(90 * time.Second)
	m.Destination("standby")
	return registry
}

func TestExpositionEqualsTheGoldenFile(t *testing.T) {
	families, err := told().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&got, family); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Golden(t, "exposition.txt", got.Bytes())
	if strings.Contains(got.String(), "ada@") || strings.Contains(got.String(), "c0ffee") {
		t.Error("a label outside the closed sets is exposed (I12)")
	}
}

func TestMetricsFollowPrometheusConventions(t *testing.T) {
	problems, err := testutil.GatherAndLint(told())
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestADestinationsSeriesComeAndGoWithItsActivity(t *testing.T) {
	registry := prometheus.NewRegistry()
	d := New(registry, Build{}).Destination("newsletter")
	names := func() (found []string) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			for _, label := range family.GetMetric()[0].GetLabel() {
				if label.GetName() == "destination" {
					found = append(found, family.GetName())
				}
			}
		}
		return found
	}
	d.Events(Membership, Folded, 1) // not spoken for: counts nothing
	if got := names(); len(got) != 1 || got[0] != "rollcall_active" {
		t.Errorf("a standby exposes %v", got)
	}
	d.Speak(true)
	d.Speak(true)
	d.Events(Membership, Folded, 1)
	if got := names(); len(got) < 15 {
		t.Errorf("the active replica exposes only %v", got)
	}
	d.Speak(false)
	if got := names(); len(got) != 1 {
		t.Errorf("after stepping down it exposes %v", got)
	}
}

func TestNilHandlesCountNothing(t *testing.T) {
	var m *Metrics
	d, a := m.Destination("x"), m.Account("y", nil)
	d.Speak(true)
	d.Active(true)
	d.Takeover()
	d.Events(Membership, Folded, 1)
	d.Operations(contact.Upsert, Applied, 1)
	d.Fields(Omitted, 1)
	d.DeadLetter("schema")
	d.AppliedAfter(contact.Upsert, 1)
	d.AcceptedAfter(contact.Upsert, 1)
	d.Committed(1)
	d.SetLevel(Level{})
	d.SetState(Running, "")
	a.Request("r", "2xx", 1)
	a.Budget("r", 1)
	a.Contacts(1, 1)
}

func TestStatusClasses(t *testing.T) {
	for status, want := range map[int]string{
		0: "none", 200: "2xx", 202: "2xx", 302: "none", 400: "400", 401: "401", 403: "403", 404: "404", 408: "408",
		413: "4xx", 418: "4xx", 429: "429", 500: "5xx", 503: "5xx",
	} {
		if got := Class(status); got != want {
			t.Errorf("status %d is %s, want %s", status, got, want)
		}
	}
}
