//go:build integration

package integration

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// leader is the node that leads a stream, as the given nodes have it.
func (s *stage) leader(stream string, nodes []string) (name string) {
	s.t.Helper()
	nc, js := s.connectTo(nodes)
	defer nc.Close()
	s.await("stream "+stream+" to have a leader", time.Minute, func() bool {
		name = leaderOf(s, js, stream)
		return name != ""
	})
	return name
}

func leaderOf(s *stage, js jetstream.JetStream, stream string) string {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
	defer cancel()
	found, err := js.Stream(ctx, stream)
	if err != nil || found.CachedInfo().Cluster == nil {
		return ""
	}
	return found.CachedInfo().Cluster.Leader
}

// killActive kills the active consumer, and counts it when another has claimed (the ledger says who).
func (sc *scene) killActive() {
	sc.t.Helper()
	victim := sc.active()
	sc.moment()
	d := sc.kill(victim)
	sc.deaths = append(sc.deaths, d)
	sc.recovered(d.time())
	claims := sc.journal.since(d.time())
	if len(claims) == 0 || claims[0].claim.Replica[:12] == d.id[:12] {
		sc.unclaimed++
	}
	sc.revive(victim)
	sc.await(victim+" to be ready", time.Minute, func() bool { return sc.ready(victim) })
}

// others are the nodes but one.
func others(node string) []string {
	return slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == node })
}

// killLeader kills the node that leads the stream of events, and starts it again when the others go on.
func (sc *scene) killLeader() {
	sc.t.Helper()
	node := sc.leader("SEGMENT_EVENTS", nodes)
	sc.moment()
	d := sc.kill(node)
	sc.deaths = append(sc.deaths, d)
	sc.recovered(d.time())
	if sc.leader("SEGMENT_EVENTS", others(node)) == node {
		sc.unclaimed++
	}
	sc.revive(node)
	sc.await("all nodes to be healthy", time.Minute, sc.allHealthy)
}

// Nothing lost, nothing twice (I1, I2, I4, I7): whoever is killed, at whatever moment.
func TestKills(t *testing.T) {
	t.Parallel()
	s := newWorld(t, "kills", quick).stage(1)
	s.play(row{scenario: "kill -9 of the active consumer", wantKills: 10, bound: takeover + slack}, func(sc *scene) {
		for range 10 {
			sc.killActive()
		}
	})
	s.play(row{scenario: "kill -9 of the node that leads the stream", wantKills: 10, bound: election}, func(sc *scene) {
		for range 10 {
			sc.killLeader()
		}
	})
	s.play(row{scenario: "rolling restart of consumers and nodes", wantStops: 5, bound: election}, func(sc *scene) {
		for _, service := range append(consumers[:2:2], nodes...) {
			since := time.Now()
			sc.restart(service)
			sc.awaitAllReady()
			sc.await("all nodes to be healthy", time.Minute, sc.allHealthy)
			sc.longest(since)
		}
	})
	s.cutFromSendGrid()
	s.upgrade()
}
