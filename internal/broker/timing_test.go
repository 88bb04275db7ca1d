package broker

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// A lease never ends at the broker while its holder believes to have it; one that would is refused, with the arithmetic.
func TestALeaseEndsAtItsHolderBeforeItEndsAtTheBroker(t *testing.T) {
	t.Parallel()
	for takeover, good := range map[time.Duration]bool{
		time.Second: true, 1200 * time.Millisecond: true, 1250 * time.Millisecond: false, 1900 * time.Millisecond: false,
		2 * time.Second: true, 2600 * time.Millisecond: false, 5 * time.Second: true, 5900 * time.Millisecond: true, 10 * time.Minute: true,
	} {
		err := FitLease(takeover)
		if (err == nil) != good {
			t.Errorf("%s: %v", takeover, err)
		}
		if err != nil && !strings.Contains(err.Error(), "4/5 of "+takeover.String()) {
			t.Errorf("%s is refused without the arithmetic: %v", takeover, err)
		}
	}
	for takeover := time.Second; takeover < 20*time.Second; takeover += 50 * time.Millisecond {
		renewed := takeover / leaseRenewals * 2 // the second renewal, after a lost one
		if FitLease(takeover) == nil && renewed >= time.Duration(leaseGivesUp*float64(takeover)) {
			t.Errorf("%s: one lost renewal loses the lease: the next comes after %s", takeover, renewed)
		}
	}
}

// The times of a pull fit each other: a broker that tells nothing is noticed after two heartbeats and before the pull ends,
// a pull ends before what it delivered comes again, and two commits' events may be under way.
func TestTheTimesOfAPullFitEachOther(t *testing.T) {
	t.Parallel()
	switch {
	case silence <= 2*pullHeartbeat:
		t.Errorf("silence %s is no more than two heartbeats of %s", silence, pullHeartbeat)
	case pullExpiry < 2*pullHeartbeat:
		t.Errorf("JetStream refuses a heartbeat of %s for a pull of %s", pullHeartbeat, pullExpiry)
	case silence >= pullExpiry:
		t.Errorf("silence %s is noticed after the pull of %s has ended", silence, pullExpiry)
	case maxAckWait <= 2*pullExpiry+silence:
		t.Errorf("ack wait %s: events come again while two pulls of %s are open", maxAckWait, pullExpiry)
	case maxAckPending < 4*maxBatch:
		t.Errorf("%d unacknowledged events are fewer than two pulls and two commits of %d", maxAckPending, maxBatch)
	}
}

// Pulls that the broker forgot are never answered, not even by a heartbeat: after that silence they are made again.
func TestPullsThatTheBrokerForgotAreMadeAgain(t *testing.T) {
	t.Parallel()
	e, err := StartEmbedded(EmbeddedOptions{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	c, err := Connect(t.Context(), Options{URL: e.ClientURL()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.EnsureStreams(t.Context(), TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := c.OpenSource(t.Context(), SourceOptions{Stream: DefaultEventStream, Destination: "d"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	const forgotten = 4 // two at the start, and two once more
	api, pulls := s.subject, 0
	s.subject = "pulls"
	sub, err := c.NC.Subscribe(s.subject, func(m *nats.Msg) {
		if pulls++; pulls > forgotten {
			_ = c.NC.PublishRequest(api, m.Reply, m.Data) // the test fails where it can't
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := s.Reset(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := c.JS.Publish(t.Context(), "segments.membership.s.p", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	events, err := s.Next(t.Context())
	took := time.Since(began)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	if took < 2*silence-time.Second || took > 2*silence+10*time.Second {
		t.Errorf("the event came after %s, twice the silence of %s is what it needs", took, silence)
	}
}
