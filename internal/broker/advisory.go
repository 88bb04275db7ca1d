package broker

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

// Advisory is what the broker tells of a stream, or of a destination's durable consumer: that somebody deleted it, changed
// it, or that its servers elect. It is told while it happens, to who listens then: what has to be known is asked (Source).
type Advisory struct {
	Kind     string // one of AdvisoryKinds
	Stream   string
	Consumer string // the durable's name; empty where it is about a stream
}

// advisories are the subjects behind $JS.EVENT.ADVISORY. that are listened to, by kind. Nothing that comes once an event is
// among them, nor what tells of the short-lived consumers of readers.
var advisories = map[string]string{
	"stream_deleted": "STREAM.DELETED.*", "stream_updated": "STREAM.UPDATED.*", "stream_restored": "STREAM.RESTORE_COMPLETE.*",
	"stream_leader_elected": "STREAM.LEADER_ELECTED.*", "stream_quorum_lost": "STREAM.QUORUM_LOST.*",
	"consumer_deleted": "CONSUMER.DELETED.*.*", "consumer_paused": "CONSUMER.PAUSE.*.*",
	"consumer_leader_elected": "CONSUMER.LEADER_ELECTED.*.*", "consumer_quorum_lost": "CONSUMER.QUORUM_LOST.*.*",
}

const advisoryPrefix = "$JS.EVENT.ADVISORY."

// AdvisoryKinds are the kinds that are told.
func AdvisoryKinds() []string {
	kinds := make([]string, 0, len(advisories))
	for kind := range advisories {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// InternalStreams are the streams of Rollcall's own, as advisories name them.
func InternalStreams() []string {
	return []string{LedgerStream, DeadLetterStream, ReceiptStream, "OBJ_" + SnapshotBucket, "KV_" + LeaseBucket}
}

// Advisories calls tell, one at a time, with what the broker tells of these streams, and of the durables on them of these
// destinations, until stop is called. A broker that does not let us listen says so in the connection's log.
func (c *Conn) Advisories(streams, destinations []string, tell func(Advisory)) (stop func() error, err error) {
	durables := make([]string, 0, len(destinations))
	for _, d := range destinations {
		durables = append(durables, DurableName(d))
	}
	var subs []*nats.Subscription
	stop = func() error {
		var errs []error
		for _, sub := range subs {
			if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
	for kind, subject := range advisories {
		sub, err := c.NC.Subscribe(advisoryPrefix+subject, func(m *nats.Msg) {
			if a := adviceOf(kind, m.Subject); slices.Contains(streams, a.Stream) && (a.Consumer == "" || slices.Contains(durables, a.Consumer)) {
				tell(a)
			}
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen to the broker's advisories: %w", err), stop())
		}
		subs = append(subs, sub)
	}
	return stop, nil
}

func adviceOf(kind, subject string) Advisory {
	tokens := strings.Split(strings.TrimPrefix(subject, advisoryPrefix), ".")
	a := Advisory{Kind: kind, Stream: tokens[2]} // as the subscription's subject has it
	if len(tokens) > 3 {
		a.Consumer = tokens[3]
	}
	return a
}
