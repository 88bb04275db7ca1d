package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// I1: a dead letter is confirmed before it is reported as published, one or many at once, with its
// event's own headers and body.
func TestDeadLettersAreStoredWithTheirEventAndReason(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 700} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := testkit.Broker(t)
			letters := make([]broker.DeadLetter, n)
			for i := range letters {
				letters[i] = broker.DeadLetter{
					Destination: "d", ProfileKey: fmt.Sprint("p", i), Reason: "no_email", Detail: "email is absent", Sequence: uint64(i + 1),
					Subject: "segments.membership.s.p", Attempts: 1, Time: time.Now(), Body: []byte(`{"id":1}`),
					Header: nats.Header{"Traceparent": {"00-1"}, "Nats-Msg-Id": {"theirs"}, "Nats-Batch-Id": {"theirs"}},
				}
			}
			if err := c.PublishDeadLetters(t.Context(), letters); err != nil {
				t.Fatal(err)
			}
			seen := 0
			err := c.ReadRange(t.Context(), broker.Range{Stream: broker.DeadLetterStream}, func(m broker.Message) error {
				seen++
				if string(m.Body) != `{"id":1}` || m.Header.Get("Rollcall-Reason") != "no_email" || m.Header.Get("traceparent") == "" && m.Header["Traceparent"] == nil {
					t.Errorf("letter %d is %q %v", m.Sequence, m.Body, m.Header)
				}
				return nil
			})
			if err != nil || seen != n {
				t.Errorf("%d letters stored, want %d (%v)", seen, n, err)
			}
		})
	}
}
