package integration

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// configuration is one destination with a short debounce.
func configuration(list string, scale int) string {
	return fmt.Sprintf(`nats: {url: "nats://nats:4222"}
http: {listen: "0.0.0.0:8780"}
accounts:
  - id: acme
    base_url: http://sendgrid:8781
    api_key: ${SENDGRID_API_KEY}
    clock_scale: %d
    request_timeout: 10s
destinations:
  - id: newsletter
    name: Newsletter
    owner: crm-team@example.com
    account: acme
    list_id: %s
    segments: [high-value]
    consent: {accepted_by: dpo@example.com, accepted_on: 2026-11-01}
    profile_cap: 1000
    debounce: {quiet: 200ms, max_wait: 2s}
`, scale, list)
}

// event is a membership event in structured mode, written out by hand: any publisher may do the same.
func event(id, profile, change, attributes string) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/integration","type":"rollcall.membership.changed.v1",`+
		`"data":{"segment_id":"high-value","profile_id":%q,"change":%q,"attributes":%s}}`, id, profile, change, attributes)
}

// publisher connects to the broker and publishes membership events of profiles whose ids are their own keys.
func publisher(t *testing.T, broker string) func(profile string, body []byte) {
	t.Helper()
	connection, err := nats.Connect(broker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	js, err := jetstream.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	return func(profile string, body []byte) {
		t.Helper()
		if _, err := js.Publish(t.Context(), "segments.membership.high-value."+profile, body); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
}

// The whole way of one event over real containers: published, folded, sent, applied, and on its exit removed again.
func TestOneEventIsAppliedAndItsExitRemovesTheContact(t *testing.T) {
	const scale = 60
	s := newStack(t)
	broker := s.broker()
	sendgrid := account{t: t, base: s.simulator(scale)}
	list := sendgrid.makeList("newsletter")
	s.consumer("consumer", configuration(list, scale))

	publish := publisher(t, broker)
	publish("p1", event("1", "p1", "entered", `{"email":"Ada@Example.com","first_name":"Ada","country":"GB"}`))
	got := sendgrid.awaitOnList("ada@example.com", list, true)
	if got.FirstName != "Ada" || got.Country != "GB" {
		t.Errorf("the contact has first name %q and country %q", got.FirstName, got.Country)
	}
	publish("p1", event("2", "p1", "exited", `{}`))
	sendgrid.awaitOnList("ada@example.com", list, false)
}
