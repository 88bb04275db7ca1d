package app

import (
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/desk/check"
	"rollcall/internal/testkit"
)

// A limit of the account keeps what we need from being made: what needs it is suspended, `check` gives the same reason for
// the same cause, nothing is claimed, and it goes on by itself once the limit was raised.
func TestALimitOfTheAccountSuspendsUntilItIsRaised(t *testing.T) {
	for name, c := range map[string]struct {
		limit  func(*server.JetStreamAccountLimits)
		reason string
		what   string // that check names
	}{
		"our own streams": {func(l *server.JetStreamAccountLimits) { l.MaxStreams = 3 }, "ledger_stream_unfit", "stream OBJ_" + broker.SnapshotBucket},
		"sizes":           {func(l *server.JetStreamAccountLimits) { l.MaxBytesRequired = true }, "ledger_stream_unfit", "stream " + broker.LedgerStream},
		"an event stream": {func(l *server.JetStreamAccountLimits) { l.MaxStreams = 5 }, "stream_missing", "stream " + broker.DefaultEventStream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := testkit.Unlimited()
			c.limit(&limits)
			b := testkit.LimitedBroker(t, limits)
			g := newGroundOver(t, b.Connect(), "d0")
			cfg := g.file(nil, "d0")
			a := g.startOver("a", b.Connect(), cfg)
			eventually(t, "suspended", func() bool { st, _ := a.Stats("d0"); return st.Suspended == c.reason })
			found := &check.Findings{}
			check.Broker(t.Context(), found, cfg, g.conn)
			said := 0
			for _, one := range found.All {
				if one.What == c.what && one.Verdict == check.Failed && one.Reason == c.reason && one.Help != "" {
					said++
				}
			}
			if said != 1 || a.active() != 0 {
				t.Errorf("check says it %d times, %d are active: %+v", said, a.active(), found.All)
			}
			b.Set(testkit.Unlimited())
			eventually(t, "it runs", func() bool { return a.active() == 1 })
			g.enter("p1")
			eventually(t, "the contact is on the list", func() bool { return g.listed("d0") == 1 })
		})
	}
}

// An account that allows one consumer a stream: one destination of two runs, the other is suspended before any claim, and
// `check` names it with the same reason.
func TestADestinationThatHasNoRoomForItsConsumerIsNotClaimed(t *testing.T) {
	t.Parallel()
	limits := testkit.Unlimited()
	limits.MaxConsumers = 1
	b := testkit.LimitedBroker(t, limits)
	g := newGroundOver(t, b.Connect(), "d0", "d1")
	first := g.startOver("a", b.Connect(), g.file(nil, "d0"))
	eventually(t, "one runs", func() bool { return first.active() == 1 })
	cfg := g.file(nil, "d1")
	second := g.startOver("b", b.Connect(), cfg)
	eventually(t, "the other is suspended", func() bool { st, _ := second.Stats("d1"); return st.Suspended == "stream_unfit" })
	found := &check.Findings{}
	check.Broker(t.Context(), found, cfg, g.conn)
	if i := len(found.All) - 1; found.All[i].What != "destination d1" || found.All[i].Reason != "stream_unfit" {
		t.Errorf("%+v", found.All)
	}
	ledger, err := g.conn.JS.Stream(t.Context(), broker.LedgerStream)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.GetLastMsgForSubject(t.Context(), "rollcall.ledger.d1"); !errors.Is(err, jetstream.ErrMsgNotFound) {
		t.Errorf("it was claimed: %v", err)
	}
	b.Set(testkit.Unlimited())
	eventually(t, "both run", func() bool { return first.active()+second.active() == 2 })
}
