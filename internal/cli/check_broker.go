package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/config"
)

// maxClockSkew is how far this machine's clock may be from the broker's or SendGrid's before somebody should know:
// deadlines count on the sender's clock, ages on the broker's.
const maxClockSkew = 2 * time.Second

// checkBroker looks at the broker and the streams, and makes none.
func checkBroker(ctx context.Context, found *findings, cfg *config.Config) {
	embedded := cfg.NATS.Embedded
	if embedded != nil && !listens(embedded.Listen) {
		found.add(unseen, "broker", "streams", "the embedded broker is not running: `consumer run` starts it over "+embedded.StoreDir)
		return
	}
	conn, done, err := connect(ctx, cfg.NATS, quiet())
	if err != nil {
		found.fail("broker", "reachable", err).Help = "start the broker, or correct nats.url (NATS_URL and --nats-url go before it)"
		return
	}
	defer done()
	found.add(passed, "broker", "reachable", conn.NC.ConnectedUrlRedacted()+", NATS "+conn.NC.ConnectedServerVersion())
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := conn.JS.AccountInfo(ctx); err != nil {
		found.fail("broker", "JetStream", err).Help = "start the broker with JetStream (nats-server -js), and enable it for this account"
		return
	}
	if embedded != nil {
		found.add(passed, "broker", "fsync", "the embedded broker syncs every write")
	} else {
		found.add(unseen, "broker", "fsync", "whether the broker syncs every write").
			Help = "set jetstream { sync_interval: always } on every broker: with the default a power cut loses two minutes of acknowledged writes"
	}
	if cluster := conn.NC.ConnectedClusterName(); cluster != "" && cfg.NATS.Replicas == 1 {
		found.add(warning, "broker", "replicas", "the broker is a cluster ("+cluster+"), and our streams would live on one node").
			Help = "set nats.replicas: 3"
	}
	checkClock(ctx, found, conn)
	found.add(unseen, "broker", "permissions", "whether this user may publish to, create and purge the streams: looking would be writing")
	checkStreams(ctx, found, cfg, conn)
}

func checkStreams(ctx context.Context, found *findings, cfg *config.Config, conn *broker.Conn) {
	var names []string
	for i := range cfg.Destinations {
		names = append(names, cfg.Destinations[i].Stream)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		what := "stream " + name
		state, err := conn.InspectStream(ctx, name)
		var unfit *broker.UnfitError
		switch {
		case errors.Is(err, broker.ErrStreamMissing):
			found.add(passed, what, "fits", "not there yet: `consumer run` makes it, keyed")
		case errors.As(err, &unfit):
			found.fail(what, "fits", err).Help = "its destinations are suspended (stream_unfit) until it fits; Rollcall changes no stream that it did not make"
		case err != nil:
			found.fail(what, "fits", err).Help = "may this user look at streams? `nats stream info " + name + "` says what the broker answers"
		default:
			form := "unkeyed: a log, which needs refreshes"
			if state.Keyed {
				form = "keyed"
			}
			found.add(passed, what, "fits", fmt.Sprintf("%s, %s events, last sequence %d", form, count(state.Messages), state.LastSeq))
		}
	}
	for _, name := range []string{broker.LedgerStream, broker.DeadLetterStream, broker.ReceiptStream} {
		what, err := "stream "+name, conn.InspectInternal(ctx, name)
		switch {
		case errors.Is(err, broker.ErrStreamMissing):
			found.add(passed, what, "fits", "not there yet: `consumer run` makes it")
		case err != nil:
			found.fail(what, "fits", err).Help = "nothing is claimed until it fits; Rollcall changes no stream that it did not make"
		default:
			found.add(passed, what, "fits", "yes")
		}
	}
}

// checkClock compares this machine's clock with the broker's, which stands on its answers about streams.
func checkClock(ctx context.Context, found *findings, conn *broker.Conn) {
	before := time.Now()
	list := conn.JS.ListStreams(ctx)
	var at time.Time
	for info := range list.Info() {
		at = info.TimeStamp
	}
	if list.Err() != nil || at.IsZero() {
		found.add(unseen, "broker", "clock", "the broker has no stream yet, whose answer would tell its time")
		return
	}
	judgeClock(found, "broker", "the broker's", at, before.Add(time.Since(before)/2))
}
