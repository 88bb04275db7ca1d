//go:build integration

package integration

import (
	"fmt"
	"testing"
	"time"
)

var cutFor = []time.Duration{2 * time.Second, 20 * time.Second, 2 * time.Minute}

// noticed is how long a cut lasts at least for its effect to be looked for: shorter ones may pass unnoticed, which is as good.
const noticed = 20 * time.Second

// disconnect cuts services off one network for a while, and counts the cut where the daemon had them off it until the healing and
// on it afterwards, and where its effect was seen.
func (sc *scene) disconnect(network string, d time.Duration, felt func() bool, services ...string) {
	sc.t.Helper()
	off := func() bool {
		for _, s := range services {
			if sc.on(s, network) {
				return false
			}
		}
		return true
	}
	since := time.Now()
	sc.cut(network, services...)
	seen := off()
	time.Sleep(d - time.Second)
	if d >= noticed && !felt() {
		sc.t.Errorf("%s: nothing of it was felt", sc.scenario)
		seen = false
	}
	time.Sleep(time.Second)
	seen = seen && off()
	sc.heal(network, services...)
	if seen && !off() {
		sc.cuts++
	}
	sc.awaitAllReady()
	sc.await("all nodes to be healthy", time.Minute, sc.allHealthy)
	sc.longest(since)
}

// Two sides that can't hear each other: the one that can go on does, and the other does no harm when it comes back (I1, I2).
func TestCuts(t *testing.T) {
	t.Parallel()
	s := newWorld(t, "cuts", quick).stage(2)
	for _, d := range cutFor {
		s.play(row{scenario: fmt.Sprintf("active consumer cut off from the cluster for %v", d), wantCuts: 1, bound: election}, func(sc *scene) {
			victim := sc.active()
			sc.moment()
			sc.disconnect("brokers", d, func() bool { return !sc.ready(victim) && sc.activeNow() == other(victim) }, victim)
		})
		s.play(row{scenario: fmt.Sprintf("stream leader's node cut off from the others for %v", d), wantCuts: 1, bound: election}, func(sc *scene) {
			node := sc.leader("SEGMENT_EVENTS", nodes)
			sc.moment()
			sc.disconnect("routes", d, func() bool { return sc.leader("SEGMENT_EVENTS", others(node)) != node }, node)
		})
	}
}

// cutFromSendGrid cuts both consumers from the simulator: no request comes through, and none is lost.
func (s *stage) cutFromSendGrid() {
	s.t.Helper()
	for _, d := range cutFor {
		s.play(row{scenario: fmt.Sprintf("consumers cut off from SendGrid for %v", d), wantCuts: 1, bound: takeover + slack}, func(sc *scene) {
			sc.moment()
			sc.disconnect("sendgrid", d, func() bool {
				before := sc.sendgrid().requests()
				time.Sleep(500 * time.Millisecond)
				return sc.sendgrid().requests() == before
			}, consumers...)
		})
	}
}
