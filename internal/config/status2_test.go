package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// status2 is every refusal of the contract's section 3, with the line it names and what it says.
var status2 = []struct {
	name     string
	old, new string // an edit of the good file; an empty old appends
	line     int
	message  string
	schema   bool // the JSON Schema refuses it too
}{
	{"unknown key", "", "    debouce: {}\n", 16, "destinations[0].debouce: unknown key: did you mean debounce?", true},
	{"unknown key at the top", "", "destination: []\n", 16, "unknown key", true},
	{"unknown key below", "", "    guard: {intervall: 1h}\n", 16, "destinations[0].guard.intervall: unknown key: did you mean interval?", true},
	{"wrong type: text for a number", "profile_cap: 100000\ndest", "profile_cap: lots\ndest", 6, "must be a whole number of contacts", true},
	{"wrong type: number for text", "name: Newsletter, EU customers", "name: 12", 9, "must be text, not a number: put it in quotes", true},
	{"wrong type: variable for a number", "profile_cap: 100000\ndest", "profile_cap: ${CAP}\ndest", 6, "${NAME} is expanded in text only", true},
	{"wrong type: list for a mapping", "url: nats://broker:4222", "tls: []", 2, "must be a mapping", true},
	{"wrong type: text for a list", "segments: [high-value, newsletter-optin]", "segments: high-value", 13, "must be a list, not text", true},
	{"wrong type: truth", "name: Newsletter, EU customers", "name: true", 9, "must be text, not true or false", true},
	{"wrong type: a number for a duration", "", "    debounce: {quiet: 1}\n", 16, "must be a duration such as 30s, 5m or 720h from 0 to 24h, not a number: a unit is missing, as in 1s", true},
	{"wrong type: a word for a number", "profile_cap: 100000\ndest", "profile_cap: three\ndest", 6, "must be a whole number of contacts from 0 to 1000000000, not text\n", true},
	{"wrong type: a number in quotes", "profile_cap: 100000\ndest", "profile_cap: '3'\ndest", 6, "not text: take the quotes away\n", true},
	{"wrong type: a number for a choice", "", "log: {level: 3}\n", 16, "must be one of debug, info, warn, error, not a number\n", true},
	{"wrong type: a number for a date", "2026-11-01", "20261101", 14, "must be a date as 2026-11-01, not a number\n", true},
	{"base URL with the version", "    api_key: ", "    base_url: https://api.sendgrid.com/v3/\n    api_key: ", 5, "ends in /v3, which Rollcall adds itself: take it out", false},
	{"a size below a few messages", "", "retention: {ledger_max_bytes: 1000000}\n", 16, "retention.ledger_max_bytes: is 1000000 bytes, and has to be 0 (no limit) or at least 16777216", false},
	{"no value", "name: Newsletter, EU customers", "name:", 9, "has no value", true},
	{"missing key", "    name: Newsletter, EU customers\n", "", 8, "destinations[0].name: is missing", true},
	{"missing cap", "consent: {accepted_by: dpo@example.com, accepted_on: 2026-11-01}\n    profile_cap: 100000", "consent: {accepted_by: dpo@example.com, accepted_on: 2026-11-01}", 8, "destinations[0].profile_cap: is missing", true},
	{"missing key of an account", "    api_key: ${SENDGRID_API_KEY}\n", "", 4, "accounts[0].api_key: is missing", true},
	{"inbox prefix that is a wildcard", "url: nats://broker:4222", "inbox_prefix: _INBOX.>", 2, "nats.inbox_prefix: must fit the pattern", true},
	{"literal key", "${SENDGRID_API_KEY}", "SG.literal", 5, "accounts[0].api_key: is a literal key", true},
	{"partly literal key", "${SENDGRID_API_KEY}", "SG.${SENDGRID_API_KEY}", 5, "is a literal key", true},
	{"escaped literal key", "${SENDGRID_API_KEY}", "$${SENDGRID_API_KEY}", 5, "is a literal key", true},
	{"key and key file", "api_key: ${SENDGRID_API_KEY}", "api_key: ${SENDGRID_API_KEY}\n    api_key_file: key", 6, "name one of them", true},
	{"empty key", "${SENDGRID_API_KEY}", "${EMPTY}", 5, "holds nothing", false},
	{"unset variable", "${SENDGRID_API_KEY}", "${UNSET}", 5, "the environment variable UNSET is not set", false},
	{"unset variable elsewhere", "Newsletter, EU customers", "${UNSET}", 9, "the environment variable UNSET is not set", false},
	{"broken reference", "Newsletter, EU customers", "a ${b-c} d", 9, "holds a ${ that is no ${NAME}", false},
	{"duplicate account", "destinations:", "  - {id: acme, api_key_file: k}\ndestinations:", 7, "accounts[1].id: is the id of accounts[0] too", false},
	{"duplicate destination", "", "  - {id: newsletter, name: n, owner: o, account: acme, list_id: l2, segments: [s], profile_cap: 0}\n", 16, "destinations[1].id: is the id of destinations[0] too", false},
	{"unknown account", "account: acme", "account: acne", 11, "names no account of this file", false},
	{"caps above the account's", "profile_cap: 100000\ndest", "profile_cap: 99999\ndest", 6, "add up to 100000", false},
	{"no cap is above any", "2026-11-01}\n    profile_cap: 100000", "2026-11-01}\n    profile_cap: 0", 15, "is 0 (none), above the account's cap of 100000", false},
	{"one list twice", "", "  - {id: second, name: n, owner: o, account: acme, list_id: 5d4e3c2b-0000-4000-8000-000000000001, segments: [s], profile_cap: 0}\n", 16, "destinations[1].list_id: is the list of destinations[0] too", false},
	{"one list under two account ids", "destinations:", "  - {id: second, api_key_file: k}\ndestinations:\n  - {id: other, name: n, owner: o, account: second, list_id: 5d4e3c2b-0000-4000-8000-000000000001, segments: [s], profile_cap: 0}", 14, "destinations[1].list_id: is the list of destinations[0] too", false},
	{"quiet above max_wait", "", "    debounce: {quiet: 2m}\n", 16, "is above max_wait (2m0s above 1m0s)", false},
	{"a lease that its holder counts longer than the broker", "url: nats://broker:4222", "{url: nats://broker:4222, takeover: 2600ms}", 2, "nats.takeover: is 2.6s, of which the broker counts whole seconds: it frees a lease after 2s, while its holder works on for 4/5 of 2.6s = 2.08s: make it 2s or 3s", false},
	{"mapping without email", "", "    mapping: {first_name: first_name}\n", 16, "destinations[0].mapping.email: is missing", true},
	{"mapping of an unknown field", "", "    mapping: {email: email, firstname: first_name}\n", 16, "did you mean first_name?", true},
	{"mapping of too many fields", "", "    mapping: {email: email, custom_fields: {" + manyFields(65) + "}}\n", 16, "maps 65 fields besides the e-mail: at most 64", false},
	{"own field among the custom ones", "", "    mapping: {email: email, custom_fields: {City: city}}\n", 16, "is SendGrid's own field", false},
	{"custom fields that differ in case", "", "    mapping: {email: email, custom_fields: {tier: a, Tier: b}}\n", 16, "ignores case", false},
	{"custom field's name", "", "    mapping: {email: email, custom_fields: {loyalty-tier: a}}\n", 16, "is no name that fits", true},
	{"destination id's pattern", "id: newsletter", "id: News", 8, "must fit the pattern ^[a-z0-9-]{1,32}$", true},
	{"segment's pattern", "[high-value,", "[high.value,", 13, "destinations[0].segments[0]: must fit the pattern", true},
	{"segment twice", "[high-value, newsletter-optin]", "[a, b, a]", 13, "destinations[0].segments[2]: names a segment twice", true},
	{"no segment", "[high-value, newsletter-optin]", "[]", 13, "is an empty list", true},
	{"enumeration", "", "log: {level: loud}\n", 16, "log.level: must be one of debug, info, warn, error", true},
	{"number out of range", "", "    batch: {max_contacts: 30001}\n", 16, "must be a whole number of contacts from 1 to 30000", true},
	{"share out of range", "", "    guard: {max_removal_share: 1.5}\n", 16, "must be a number from 0 to 1", true},
	{"negative number", "", "revision: -1\n", 16, "at least 0", true},
	{"duration without unit", "", "    debounce: {quiet: 5}\n", 16, "must be a duration such as 30s, 5m or 720h", true},
	{"no duration", "", "    debounce: {quiet: soon}\n", 16, "must be a duration", true},
	{"duration out of range", "    api_key: ", "    horizon: 48h\n    api_key: ", 5, "out of its range: it must be a duration such as 30s, 5m or 720h from 1s to 24h", false},
	{"negative duration", "", "    keep_departed: -1h\n", 16, "destinations[0].keep_departed: is out of its range", true},
	{"date", "2026-11-01", "2026-02-30", 14, "must be a date as 2026-11-01", false},
	{"date's form", "2026-11-01", "yesterday", 14, "must be a date as 2026-11-01", true},
	{"consent without accepted_by", "accepted_by: dpo@example.com, ", "", 14, "destinations[0].consent.accepted_by: is missing", true},
	{"base URL", "    api_key: ", "    base_url: sendgrid\n    api_key: ", 5, "must fit the pattern", true},
	{"clock scale at SendGrid", "    api_key: ", "    clock_scale: 30\n    api_key: ", 5, "is for a simulator alone", false},
	{"clock scale at SendGrid in Europe", "    api_key: ", "    clock_scale: 30\n    base_url: https://API.eu.sendgrid.com./\n    api_key: ", 5, "is for a simulator alone", false},
	{"plain http to SendGrid", "    api_key: ", "    base_url: http://api.sendgrid.com\n    api_key: ", 5, "must be https", false},
	{"two ways to the broker", "url: nats://broker:4222", "url: nats://broker:4222\n  context: prod", 3, "is a second way to the broker", true},
	{"embedded for all machines", "url: nats://broker:4222", "embedded: {listen: '0.0.0.0:4222'}", 2, "is open to other machines without users", false},
	{"embedded with copies", "url: nats://broker:4222", "embedded: {}\n  replicas: 3", 3, "must be 1 with embedded", false},
	{"half a certificate", "url: nats://broker:4222", "tls: {cert_file: a.pem}", 2, "needs cert_file and key_file together", false},
	{"a key twice", "id: acme", "id: acme\n    id: acme2", 5, "is no YAML: mapping key", false},
	{"no YAML", "segments: [high-value, newsletter-optin]", "segments: [high-value", 14, "is no YAML", false},
	{"two documents", "", "---\na: 1\n", 17, "more than one YAML document", false},
	{"merge key", "", "log:\n  <<: {level: info}\n", 17, "merge keys are not read", false},
}

func manyFields(count int) string {
	var fields []string
	for i := range count {
		fields = append(fields, fmt.Sprintf("f%d: a", i))
	}
	return strings.Join(fields, ", ")
}

func edit(t *testing.T, old, replacement string) string {
	t.Helper()
	if old == "" {
		return good + replacement
	}
	if !strings.Contains(good, old) {
		t.Fatalf("the good file has no %q", old)
	}
	return strings.Replace(good, old, replacement, 1)
}

func TestEveryMistakeOfTheContractIsRefusedWithItsLine(t *testing.T) {
	for _, c := range status2 {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, edit(t, c.old, c.new))
			if err == nil {
				t.Fatal("the file was accepted")
			}
			if want := fmt.Sprintf("rollcall.yaml:%d:", c.line); !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in: %v", want, err)
			}
			if !strings.Contains(err.Error()+"\n", c.message) {
				t.Errorf("no %q in: %v", c.message, err)
			}
			if strings.Contains(err.Error(), "SG.") {
				t.Errorf("a key is shown: %v (I12)", err)
			}
		})
	}
}

func TestAFileThatIsNotThereOrEmptyIsRefused(t *testing.T) {
	if _, err := Load("nowhere.yaml", testEnv); err == nil || !strings.Contains(err.Error(), "nowhere.yaml: there is no such file: write one, or name it with --config") {
		t.Errorf("error = %v", err)
	}
	if _, err := load(t, "# nothing\n"); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("error = %v", err)
	}
	for _, root := range []string{"- a\n", "just words\n", "7\n"} { // nothing was read, so no rule can be judged
		_, err := load(t, root)
		if err == nil || !strings.Contains(err.Error(), "must be a mapping of keys to values") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", root, err)
		}
		path := filepath.Join(t.TempDir(), "rollcall.yaml")
		if err := os.WriteFile(path, []byte(root), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err = LoadNATS(path, testEnv); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("the nats section of %q: %v", root, err)
		}
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add(good)
	for _, c := range status2 {
		if c.old == "" {
			f.Add(good + c.new)
		} else {
			f.Add(strings.Replace(good, c.old, c.new, 1))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := Parse("fuzz.yaml", []byte(text), testEnv)
		if err == nil && cfg == nil {
			t.Error("neither a configuration nor an error")
		}
	})
}
