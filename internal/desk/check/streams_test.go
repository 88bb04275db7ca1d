package check

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/testkit"
)

// A stream on which nobody may overwrite an event is fit, and somebody should know what becomes of erased persons' events
// there: the proof of an erasure says the same.
func TestAStreamThatKeepsErasedPersonsEventsIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg   jetstream.StreamConfig
		stays string
	}{
		"keyed, for ever":   {jetstream.StreamConfig{Subjects: broker.EventSubjects(), MaxMsgsPerSubject: 1, DenyDelete: true, DenyPurge: true}, "never dropped, and proofs of erasures say so (events_until: never)"},
		"unkeyed, with age": {jetstream.StreamConfig{Subjects: []string{"segments.membership.*"}, DenyDelete: true, MaxAge: 48 * time.Hour}, "stay until they are 48h0m0s old"},
		"keyed, erasable":   {jetstream.StreamConfig{Subjects: broker.EventSubjects(), MaxMsgsPerSubject: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := testkit.Connect(t, testkit.StartBroker(t))
			c.cfg.Name = broker.DefaultEventStream
			if _, err := conn.JS.CreateStream(t.Context(), c.cfg); err != nil {
				t.Fatal(err)
			}
			found := &Findings{}
			Broker(t.Context(), found, &config.Config{Destinations: []config.Destination{{ID: "d", Stream: broker.DefaultEventStream}}}, conn)
			var told []string
			for _, one := range found.All {
				if one.Check == "erasure" && one.Verdict == Warning && one.Help != "" {
					told = append(told, one.Detail)
				}
			}
			switch {
			case c.stays == "" && len(told) > 0, c.stays != "" && (len(told) != 1 || !strings.Contains(told[0], c.stays)):
				t.Errorf("told: %q", told)
			case found.Count(Failed) > 0:
				t.Errorf("%+v", found.All)
			}
		})
	}
}
