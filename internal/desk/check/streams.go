package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/people"
)

// streams looks at the streams of the events and at our own: whether they fit, whether those that are missing can be made,
// whether they have room, and whether each destination can have its consumer.
func streams(ctx context.Context, found *Findings, cfg *config.Config, conn *broker.Conn) {
	topology := cfg.Topology()
	slices.Sort(topology.EventStreams)
	names := slices.Compact(topology.EventStreams)
	limits := limitsOf(ctx, found, conn, topology)
	for _, name := range names {
		what := "stream " + name
		state, err := conn.InspectStream(ctx, name)
		var unfit *broker.UnfitError
		switch {
		case errors.Is(err, broker.ErrStreamMissing):
			notThere(found, what, "not there yet: `consumer run` makes it, keyed", limits[name])
		case errors.As(err, &unfit):
			found.Fail(what, "fits", err).Help = "its destinations are suspended (stream_unfit) until it fits; Rollcall changes no stream that it did not make"
		case err != nil:
			found.Fail(what, "fits", err).Help = "may this user look at streams? `nats stream info " + name + "` says what the broker answers"
		default:
			form := "unkeyed: a log, which needs refreshes"
			if state.Keyed {
				form = "keyed"
			}
			found.Add(Passed, what, "fits", fmt.Sprintf("%s, %s, last sequence %d", form, people.Of(state.Messages, "event"), state.LastSeq))
			erasable(found, what, &state)
		}
	}
	for _, name := range broker.InternalStreams() {
		what, err := "stream "+name, conn.InspectInternal(ctx, name)
		switch {
		case errors.Is(err, broker.ErrStreamMissing):
			notThere(found, what, "not there yet: `consumer run` makes it", limits[name])
		case err != nil:
			found.Fail(what, "fits", err).Help = "nothing is claimed until it fits; Rollcall changes no stream that it did not make"
		default:
			found.Add(Passed, what, "fits", "yes")
		}
	}
	for _, f := range broker.Nearly(conn.Fills(ctx, append(names, broker.InternalStreams()...))) {
		found.Add(Warning, "stream "+f.Stream, "room", fmt.Sprintf("nearly full: %s is %d, of which %d are used; a full stream takes nothing more", f.Setting, f.Limit, f.Used)).
			Help = f.Help()
	}
	consumers(ctx, found, cfg, conn)
}

// limitsOf are the limits of the account that keep missing streams from being made, by stream.
func limitsOf(ctx context.Context, found *Findings, conn *broker.Conn, topology broker.TopologyOptions) map[string]*broker.LimitError {
	all, err := conn.Room(ctx, topology)
	if err != nil {
		found.Add(Unseen, "broker", "limits", "the account's limits").Help = "may this user ask for its account? see docs/permissions.md"
	}
	limits := map[string]*broker.LimitError{}
	for _, one := range all {
		limits[one.Stream] = one
	}
	return limits
}

func notThere(found *Findings, what, detail string, limit *broker.LimitError) {
	if limit == nil {
		found.Add(Passed, what, "fits", detail)
		return
	}
	found.Fail(what, "fits", limit).Help = "what needs it is suspended until it can be made; that is tried again by itself"
}

// erasable warns of a stream on which nobody can overwrite an event: an erasure is done, and what was published stays.
func erasable(found *Findings, what string, state *broker.StreamState) {
	if state.Deletable {
		return
	}
	stays := "events of erased profiles are never dropped, and proofs of erasures say so (events_until: never)"
	if state.MaxAge > 0 {
		stays = "events of erased profiles stay until they are " + state.MaxAge.String() + " old"
	}
	found.Add(Warning, what, "erasure", "deny_delete lets nobody overwrite an event: "+stays).
		Help = "the broker never takes deny_delete off a stream: publish to a new one without it, if erasures have to reach its events"
}

// consumers looks whether each destination has its consumer on its stream, or room for it.
func consumers(ctx context.Context, found *Findings, cfg *config.Config, conn *broker.Conn) {
	of := map[string][]string{}
	for i := range cfg.Destinations {
		d := &cfg.Destinations[i]
		of[d.Stream] = append(of[d.Stream], d.ID)
	}
	for _, stream := range slices.Sorted(maps.Keys(of)) {
		limits := conn.RoomToRead(ctx, stream, of[stream]...)
		for _, id := range slices.Sorted(maps.Keys(limits)) {
			found.Fail("destination "+id, "consumer", limits[id]).Help = "it is suspended until its consumer can be made; that is tried again by itself"
		}
	}
}
