package publish

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/testkit"
)

// A stream at its limit that discards what is new takes nothing more: the publication says so at once, in batches and
// singly, whichever limit it is.
func TestAFullStreamEndsThePublicationAtOnce(t *testing.T) {
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"messages, single": func(c *jetstream.StreamConfig) { single(c); c.MaxMsgs = 3 },
		"messages, batch":  func(c *jetstream.StreamConfig) { c.MaxMsgs = 3 },
		"bytes, single":    func(c *jetstream.StreamConfig) { single(c); c.MaxBytes = 1000 },
		"bytes, batch":     func(c *jetstream.StreamConfig) { c.MaxBytes = 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Connect(t, testkit.StartBroker(t))
			makeStream(t, c, func(cfg *jetstream.StreamConfig) { change(cfg); cfg.Discard = jetstream.DiscardNew })
			p := opened(t, c, Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var err error
			for i := 0; i < 20 && err == nil; i++ {
				err = p.Publish(ctx, row("seg", fmt.Sprintf("p%d", i), i))
			}
			if err == nil {
				_, err = p.Flush(ctx)
			}
			if err == nil || !strings.Contains(err.Error(), "it is full") || ctx.Err() != nil {
				t.Errorf("the publication ended with %v", err)
			}
		})
	}
}
