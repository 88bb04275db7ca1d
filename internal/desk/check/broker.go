package check

import (
	"context"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/config"
)

// maxClockSkew is how far this machine's clock may be from the broker's or SendGrid's before somebody should know:
// deadlines count on the sender's clock, ages on the broker's.
const maxClockSkew = 2 * time.Second

// patience is how long the broker may take for its own part.
const patience = 5 * time.Second

// Broker looks at the broker and the streams.
func Broker(ctx context.Context, found *Findings, cfg *config.Config, conn *broker.Conn) {
	found.Add(Passed, "broker", "reachable", conn.NC.ConnectedUrlRedacted()+", NATS "+conn.NC.ConnectedServerVersion())
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := conn.JS.AccountInfo(ctx); err != nil {
		found.Fail("broker", "JetStream", err).Help = "start the broker with JetStream (nats-server -js), and enable it for this account"
		return
	}
	if cfg.NATS.Embedded != nil {
		found.Add(Passed, "broker", "fsync", "the embedded broker syncs every write")
	} else {
		found.Add(Unseen, "broker", "fsync", "whether the broker syncs every write").
			Help = "set jetstream { sync_interval: always } on every broker: with the default a power cut loses two minutes of acknowledged writes"
	}
	if cluster := conn.NC.ConnectedClusterName(); cluster != "" && cfg.NATS.Replicas == 1 {
		found.Add(Warning, "broker", "replicas", "the broker is a cluster ("+cluster+"), and our streams would live on one node").
			Help = "set nats.replicas: 3"
	}
	brokerClock(ctx, found, conn)
	found.Add(Unseen, "broker", "permissions", "whether this user may publish to, create and purge the streams: looking would be writing")
	strangers(ctx, found, conn)
	streams(ctx, found, cfg, conn)
}

// brokerClock compares this machine's clock with the broker's, which stands on its answers about streams.
func brokerClock(ctx context.Context, found *Findings, conn *broker.Conn) {
	before := time.Now()
	list := conn.JS.ListStreams(ctx)
	var at time.Time
	for info := range list.Info() {
		at = info.TimeStamp
	}
	if list.Err() != nil || at.IsZero() {
		found.Add(Unseen, "broker", "clock", "the broker has no stream yet, whose answer would tell its time")
		return
	}
	judgeClock(found, "broker", "the broker's", at, before.Add(time.Since(before)/2))
}
