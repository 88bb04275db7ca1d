package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// Ours reports whether the stream is one of Rollcall's own, and holds no events.
func (e *UnfitError) Ours() bool { return slices.Contains(InternalStreams(), e.Stream) }

// FitInternal looks, at all of Rollcall's own streams at once, whether a destination may be claimed over them: each
// is on the disk, takes what is written to it, and lets go of nothing that is needed (H36). It makes none. The error
// is the first *UnfitError; that a stream is missing or cannot be looked at is told where it is used.
func (c *Conn) FitInternal(ctx context.Context) error {
	names := InternalStreams()
	found := make([]error, len(names))
	var looks sync.WaitGroup
	for i, name := range names {
		looks.Go(func() { found[i] = c.InspectInternal(ctx, name) })
	}
	looks.Wait()
	for _, err := range found {
		if unfit, is := errors.AsType[*UnfitError](err); is {
			return unfit
		}
	}
	return nil
}

// InspectInternal judges the stream of Rollcall's own by that name, and makes none: ErrStreamMissing, or an
// *UnfitError where a setting contradicts what Rollcall needs.
func (c *Conn) InspectInternal(ctx context.Context, name string) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := ask.Until(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.JS.Stream(ctx, name) })
	if err != nil {
		return streamError(name, "look at", err)
	}
	if err := c.fitPayload(name); err != nil {
		return err
	}
	have := stream.CachedInfo().Config
	switch name {
	case "OBJ_" + SnapshotBucket:
		return fitSnapshots(have)
	case "KV_" + LeaseBucket:
		return fitLeases(have)
	}
	for _, s := range internalStreams(TopologyOptions{}, 1) {
		if s.cfg.Name != name {
			continue
		}
		if err := fitSubjects(have, s.cfg.Subjects[0]); err != nil {
			return err
		}
		return s.fit(have)
	}
	return nil
}

// fitPayload refuses a broker whose messages are too small for an entry of the ledger: claims would be written and
// what follows them would not.
func (c *Conn) fitPayload(name string) error {
	payload := c.NC.MaxPayload()
	if name != LedgerStream || payload == 0 || payload >= minLedgerMessage {
		return nil
	}
	return &UnfitError{
		Stream: name, Setting: "max_payload", Value: fmt.Sprint(payload), Need: fmt.Sprintf("%d and more: an entry is one message", minLedgerMessage),
		Help: "set max_payload: 1048576, the default, in the broker's configuration and that of every leaf node between, then restart it",
	}
}

// fitSnapshots judges the object store: a part of a snapshot that it lets go of is the loss of a ledger.
func fitSnapshots(cfg jetstream.StreamConfig) error {
	no := func(setting, value, need, help string) error {
		return &UnfitError{Stream: cfg.Name, Setting: setting, Value: value, Need: need, Help: help}
	}
	switch {
	case cfg.MaxAge > 0:
		return no("max_age", cfg.MaxAge.String(), "0: snapshots don't age", edit(cfg.Name, "--max-age=0"))
	case cfg.DenyDelete || cfg.DenyPurge:
		return no("deny_delete or deny_purge", "true", "false: a newer snapshot replaces the one before, erasures overwrite it", remake(cfg.Name))
	}
	return fitDurable(cfg, no)
}

// fitLeases judges the bucket of the leases. A lease ends by a time to live of its own, which the bucket has to
// allow; where it keeps history the broker makes that as long as its delete markers live, and a crashed replica keeps
// what it had (H46).
func fitLeases(cfg jetstream.StreamConfig) error {
	no := func(setting, value, need, help string) error {
		return &UnfitError{Stream: cfg.Name, Setting: setting, Value: value, Need: need, Help: help}
	}
	remove := "remove it while no consumer runs, and `consumer run` makes it: `nats kv del " + LeaseBucket + "`; nothing that it holds is needed"
	switch {
	case !cfg.AllowMsgTTL:
		return no("allow_msg_ttl", "false", "true: a lease that nobody renews ends by itself", remove)
	case cfg.MaxMsgsPerSubject != 1:
		return no("history", fmt.Sprint(cfg.MaxMsgsPerSubject), "1: with more the broker lets every lease live as long as its delete markers", remove)
	}
	return nil
}
