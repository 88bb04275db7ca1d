package broker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
	"rollcall/internal/testkit"
	"rollcall/schemas"
)

// Every reason's letter, as it lies on the stream, has the headers of the published schema: also one that is too
// big for a message of the broker, and one whose event is gone.
func TestDeadLettersHaveTheHeadersOfTheSchema(t *testing.T) {
	t.Parallel()
	schema, err := schemas.Compile(schemas.DeadLetter)
	if err != nil {
		t.Fatal(err)
	}
	c := testkit.Broker(t)
	event := broker.DeadLetter{
		Destination: "newsletter", Detail: "country\ndoes not fit", Sequence: 7, Subject: "segments.membership.a.p", Attempts: 1,
		Time: time.Now(), Body: []byte(`{}`), Header: nats.Header{"Content-Type": {"application/cloudevents+json"}, "Rollcall-Reason": {"theirs"}},
	}
	var letters []broker.DeadLetter
	for _, reason := range segment.Reasons {
		letter := event
		letter.Reason = string(reason)
		letters = append(letters, letter)
	}
	big, gone := letters[0], letters[9]
	big.Body, gone.BodyExpired, gone.ProfileKey = make([]byte, c.NC.MaxPayload()), true, "c0ffee"
	letters = append(letters, big, gone)
	if err := c.PublishDeadLetters(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	bodies, seen := map[string]int{}, 0
	err = c.ReadRange(t.Context(), broker.Range{Stream: broker.DeadLetterStream}, func(m broker.Message) error {
		seen++
		headers := map[string]any{}
		for name, values := range m.Header {
			if len(values) != 1 {
				t.Errorf("header %s has %d values", name, len(values))
			}
			headers[name] = values[0]
		}
		if err := schema.Validate(headers); err != nil {
			t.Errorf("%v\n%v", m.Header, err)
		}
		bodies[m.Header.Get("Rollcall-Body")]++
		return nil
	})
	if err != nil || seen != len(letters) || bodies["omitted"] != 1 || bodies["expired"] != 1 {
		t.Errorf("%d of %d letters, bodies %v: %v", seen, len(letters), bodies, err)
	}
}
