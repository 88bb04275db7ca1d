package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const good = `nats:
  url: nats://broker:4222
accounts:
  - id: acme
    api_key: ${SENDGRID_API_KEY}
    profile_cap: 100000
destinations:
  - id: newsletter
    name: Newsletter, EU customers
    owner: crm-team@example.com
    account: acme
    list_id: 5d4e3c2b-0000-4000-8000-000000000001
    segments: [high-value, newsletter-optin]
    consent: {accepted_by: dpo@example.com, accepted_on: 2026-11-01}
    profile_cap: 100000
`

func testEnv(name string) (string, bool) {
	value, ok := map[string]string{
		"SENDGRID_API_KEY": "SG.secret-value", "EMPTY": "", "LIST": "list-1", "CAP": "5", "QUIET": "7s",
	}[name]
	return value, ok
}

func load(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, testEnv)
}

func mustLoad(t *testing.T, text string) *Config {
	t.Helper()
	cfg, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDefaultsOfTheContractAreFilledIn(t *testing.T) {
	got := mustLoad(t, strings.Replace(good, "nats:\n  url: nats://broker:4222\n", "", 1))
	got.Path = ""
	want := &Config{
		NATS: NATS{
			URL: "nats://127.0.0.1:4222", Replicas: 1, Name: "rollcall", Takeover: 5 * time.Second,
		},
		Retention: Retention{DeadLetters: 720 * time.Hour, Receipts: 720 * time.Hour},
		Log:       Log{Level: "info", Format: "auto"},
		HTTP:      HTTP{Listen: "127.0.0.1:8780"},
		Accounts: []Account{{
			ID: "acme", BaseURL: "https://api.sendgrid.com", APIKey: "SG.secret-value", ProfileCap: 100000,
			RequestTimeout: time.Minute, Horizon: 5 * time.Minute, ClockScale: 1, ReplayShare: 0.2,
		}},
		Destinations: []Destination{{
			ID: "newsletter", Name: "Newsletter, EU customers", Owner: "crm-team@example.com", Account: "acme",
			ListID: "5d4e3c2b-0000-4000-8000-000000000001", Stream: "SEGMENT_EVENTS",
			Segments:   []string{"high-value", "newsletter-optin"},
			Consent:    Consent{AcceptedBy: "dpo@example.com", AcceptedOn: "2026-11-01"},
			ProfileCap: 100000,
			OnBadValue: "dead_letter",
			Mapping: Mapping{Email: "email", Fields: map[string]string{
				"first_name": "first_name", "last_name": "last_name", "country": "country",
				"state_province_region": "state_province_region", "city": "city", "postal_code": "postal_code",
			}},
			Debounce:     Debounce{Quiet: 5 * time.Second, MaxWait: time.Minute},
			Batch:        Batch{MaxContacts: 30000, MaxBytes: 3500000},
			Guard:        Guard{Interval: time.Hour, MinRemovals: 500, MaxRemovalShare: 0.2},
			KeepDeparted: 9600 * time.Hour,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults differ (-want +got):\n%s", diff)
	}
}

func TestAMappingSendsExactlyTheFieldsItNames(t *testing.T) {
	cfg := mustLoad(t, good+`    mapping:
      email: mail
      country: land
      first_name: given
      custom_fields: {z_tier: tier, a_score: score}
    on_bad_value: omit
`)
	want := []MappedField{
		{Name: "first_name", Attribute: "given"},
		{Name: "country", Attribute: "land"},
		{Name: "a_score", Attribute: "score", Custom: true},
		{Name: "z_tier", Attribute: "tier", Custom: true},
	}
	mapping := cfg.Destinations[0].Mapping
	if diff := cmp.Diff(want, mapping.Mapped()); diff != "" {
		t.Errorf("mapped fields differ (-want +got):\n%s", diff)
	}
	if mapping.Email != "mail" || !cfg.Destinations[0].OmitBad() {
		t.Errorf("mapping = %+v", mapping)
	}
}

func TestReferencesAreExpandedInStringValuesOnly(t *testing.T) {
	cfg := mustLoad(t, strings.NewReplacer(
		"5d4e3c2b-0000-4000-8000-000000000001", "${LIST}",
		"Newsletter, EU customers", "'for $${LIST} $5 ${LIST}'",
	).Replace(good)+"    debounce: {quiet: \"${QUIET}\"}\n")
	destination := cfg.Destinations[0]
	if destination.ListID != "list-1" || destination.Name != "for ${LIST} $5 list-1" || destination.Debounce.Quiet != 7*time.Second {
		t.Errorf("expanded to list %q, name %q, quiet %v", destination.ListID, destination.Name, destination.Debounce.Quiet)
	}
}

func TestMissingOrWithdrawnConsentIsNoMistakeInTheFile(t *testing.T) {
	given := "    consent: {accepted_by: dpo@example.com, accepted_on: 2026-11-01}\n"
	for name, consent := range map[string]string{
		"missing":   "",
		"withdrawn": "    consent: {accepted_by: dpo@example.com, accepted_on: 2026-11-01, withdrawn_on: 2026-12-01}\n",
	} {
		cfg := mustLoad(t, strings.Replace(good, given, consent, 1))
		if cfg.Destinations[0].Consent.Given() {
			t.Errorf("%s consent counts as given", name)
		}
	}
	if !mustLoad(t, good).Destinations[0].Consent.Given() {
		t.Error("consent that was accepted does not count as given")
	}
}

func TestAnchorsAndAliasesAreFollowed(t *testing.T) {
	cfg := mustLoad(t, strings.Replace(good, "owner: crm-team@example.com", "owner: &who crm-team@example.com", 1)+
		"    mapping: {email: *who}\n")
	if got := cfg.Destinations[0].Mapping.Email; got != "crm-team@example.com" {
		t.Errorf("alias gave %q", got)
	}
}

func TestTheHashIsOfWhatIsDoneToLists(t *testing.T) {
	base := mustLoad(t, good).Hash()
	same := mustLoad(t, strings.Replace(good, "nats://broker:4222", "nats://other:4222", 1)+"log: {level: debug}\n").Hash()
	other := mustLoad(t, strings.Replace(good, "high-value, ", "", 1)).Hash()
	if base != same || base == other || len(base) != 16 {
		t.Errorf("hashes: base %s, another broker %s, other segments %s", base, same, other)
	}
}

func TestTheNATSSectionIsReadWithoutTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.yaml")
	text := "nats: {embedded: {listen: '127.0.0.1:9999'}}\naccounts: [{api_key: ${NOT_SET}}]\n"
	if err := os.WriteFile(path, []byte(strings.Replace(text, "${NOT_SET}", "'${NOT_SET}'", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := LoadNATS(path, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := NATS{Embedded: &Embedded{StoreDir: "./data", Listen: "127.0.0.1:9999"}, Replicas: 1, Name: "rollcall", Takeover: 5 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nats differs (-want +got):\n%s", diff)
	}
	if got := DefaultNATS(); got.URL != "nats://127.0.0.1:4222" || got.Takeover != 5*time.Second {
		t.Errorf("default nats = %+v", got)
	}
}

func TestAllProblemsAreReportedAtOnceInTheOrderOfTheFile(t *testing.T) {
	_, err := load(t, strings.NewReplacer("id: acme", "id: a b", "api_key: ${SENDGRID_API_KEY}", "api_key: ${UNSET}").Replace(good)+"    quiet: 5s\n")
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("error is %T: %v", err, err)
	}
	var keys []string
	for i, problem := range failed.Problems {
		keys = append(keys, problem.Key)
		if i > 0 && problem.Line < failed.Problems[i-1].Line {
			t.Errorf("problem %d is out of order", i)
		}
	}
	want := []string{"accounts[0].id", "accounts[0].api_key", "destinations[0].account", "destinations[0].quiet"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("problems differ (-want +got):\n%s\n%v", diff, err)
	}
}
