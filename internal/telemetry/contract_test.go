package telemetry

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/contact"
	"rollcall/internal/segment"
)

// contract is section 5 of the public contract: each metric's type, and its labels with the values that they
// can have; a label without any is the operator's own words.
var contract = map[string]struct {
	kind   string
	labels map[string]string
}{
	"rollcall_active":                     {"GAUGE", map[string]string{"destination": ""}},
	"rollcall_destination_state":          {"GAUGE", map[string]string{"destination": "", "state": "orphaned suspended paused held running"}},
	"rollcall_suspended_info":             {"GAUGE", map[string]string{"destination": "", "reason": ""}},
	"rollcall_contacts":                   {"GAUGE", map[string]string{"destination": "", "state": "listed dirty window on_the_way in_doubt waiting held refused"}},
	"rollcall_slots":                      {"GAUGE", map[string]string{"destination": ""}},
	"rollcall_profile_cap":                {"GAUGE", map[string]string{"destination": ""}},
	"rollcall_account_contacts":           {"GAUGE", map[string]string{"account": "", "kind": "total billable"}},
	"rollcall_intake_pending":             {"GAUGE", map[string]string{"destination": ""}},
	"rollcall_oldest_unapplied_seconds":   {"GAUGE", map[string]string{"destination": ""}},
	"rollcall_jobs_in_flight":             {"GAUGE", map[string]string{"destination": ""}},
	"rollcall_change_to_applied_seconds":  {"HISTOGRAM", map[string]string{"destination": "", "operation": "upsert remove delete"}},
	"rollcall_change_to_accepted_seconds": {"HISTOGRAM", map[string]string{"destination": "", "operation": "upsert remove delete"}},
	"rollcall_events_total":               {"COUNTER", map[string]string{"destination": "", "type": "membership refreshed erased unknown", "result": "folded stale dead"}},
	"rollcall_operations_total":           {"COUNTER", map[string]string{"destination": "", "operation": "upsert remove delete", "outcome": "accepted applied refused"}},
	"rollcall_fields_total":               {"COUNTER", map[string]string{"destination": "", "result": "omitted uncleared"}},
	"rollcall_dead_letters_total": {"COUNTER", map[string]string{
		"destination": "",
		"reason":      "too_large unreadable unknown_type schema subject_mismatch no_email invalid_email bad_value refresh_refused sendgrid_refused other_identifier",
	}},
	"rollcall_sendgrid_requests_total":       {"COUNTER", map[string]string{"account": "", "route": "", "class": "2xx 400 401 403 404 408 429 4xx 5xx none"}},
	"rollcall_sendgrid_request_seconds":      {"HISTOGRAM", map[string]string{"account": "", "route": "", "class": "2xx 400 401 403 404 408 429 4xx 5xx none"}},
	"rollcall_sendgrid_budget_remaining":     {"GAUGE", map[string]string{"account": "", "route": ""}},
	"rollcall_commit_seconds":                {"HISTOGRAM", map[string]string{"destination": ""}},
	"rollcall_ledger_bytes":                  {"GAUGE", map[string]string{"destination": ""}},
	"rollcall_takeovers_total":               {"COUNTER", map[string]string{"destination": ""}},
	"rollcall_ledger_foreign_messages_total": {"COUNTER", map[string]string{"destination": ""}},
	"rollcall_broker_advisories_total": {"COUNTER", map[string]string{
		"stream": "",
		"kind":   "stream_deleted stream_updated stream_restored stream_leader_elected stream_quorum_lost consumer_deleted consumer_paused consumer_leader_elected consumer_quorum_lost",
	}},
	"rollcall_held_removals": {"GAUGE", map[string]string{"destination": ""}},
	"rollcall_dead_letters_present": {"GAUGE", map[string]string{
		"destination": "",
		"reason":      "too_large unreadable unknown_type schema subject_mismatch no_email invalid_email bad_value refresh_refused sendgrid_refused other_identifier",
	}},
	"rollcall_segment_last_refresh_timestamp_seconds": {"GAUGE", map[string]string{"destination": "", "segment": ""}},
	"rollcall_broker_connected":                       {"GAUGE", map[string]string{}},
	"rollcall_sendgrid_failing_since_seconds":         {"GAUGE", map[string]string{"account": ""}},
	"rollcall_stream_used_ratio":                      {"GAUGE", map[string]string{"stream": ""}},
	"rollcall_build_info":                             {"GAUGE", map[string]string{"version": "", "revision": "", "go_version": ""}},
	"rollcall_config_hash_info":                       {"GAUGE", map[string]string{"hash": ""}},
}

func TestTheMetricsAreThoseOfTheContractWithExactlyItsLabels(t *testing.T) {
	families, err := told().Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, family := range families {
		name := family.GetName()
		want, known := contract[name]
		if seen[name] = true; !known {
			t.Errorf("%s is not in the contract", name)
			continue
		}
		if family.GetType().String() != want.kind || family.GetHelp() == "" {
			t.Errorf("%s is a %s, want %s; help %q", name, family.GetType(), want.kind, family.GetHelp())
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want.labels)), slices.Sorted(maps.Keys(labels))); diff != "" {
				t.Errorf("%s: labels (-contract +exposed):\n%s", name, diff)
			}
			for label, values := range want.labels {
				if values != "" && !slices.Contains(strings.Fields(values), labels[label]) {
					t.Errorf("%s: %s is %q", name, label, labels[label])
				}
			}
		}
	}
	for name := range contract {
		if !seen[name] {
			t.Errorf("%s of the contract is not exposed", name)
		}
	}
}

// The numbers that the words stand for are those of the packages that count.
func TestLabelsAreTheWordsOfTheirPackages(t *testing.T) {
	var reasons []string
	for _, reason := range segment.Reasons {
		reasons = append(reasons, string(reason))
	}
	if diff := cmp.Diff(reasons, reasonLabels[:]); diff != "" {
		t.Errorf("reasons of dead letters (-segment +labels):\n%s", diff)
	}
	for i, operation := range []contact.Operation{contact.Upsert, contact.Remove, contact.Delete} {
		if operationLabels[i] != operation.String() || int(operation) != i+1 {
			t.Errorf("operation %d is labelled %s", operation, operationLabels[i])
		}
	}
	for kind, label := range map[segment.Kind]string{segment.Unknown: "unknown", segment.Membership: "membership", segment.Refreshed: "refreshed", segment.Erased: "erased"} {
		if eventTypeLabels[kind] != label {
			t.Errorf("kind %d is labelled %s", kind, eventTypeLabels[kind])
		}
	}
}
