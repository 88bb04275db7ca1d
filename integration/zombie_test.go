//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// deliberate makes the horizon short, and lets nobody wait for a slot.
func deliberate(file string) string {
	file = strings.Replace(quick(file), fmt.Sprintf("profile_cap: %d\n", places), fmt.Sprintf("profile_cap: %d\n", people), 1)
	return strings.Replace(file, "    request_timeout: 5s\n", "    request_timeout: 3s\n    horizon: 90s\n", 1)
}

// A replica that is paused and wakes up after a take-over commits nothing (I2). A request that had left it before arrives once, late:
// after the new owner's removal, behind its back. The removal's confirmation sees it, and the list ends right (H1).
func TestAPausedReplicaAndItsLastRequest(t *testing.T) {
	t.Parallel()
	s := newWorld(t, "zombie", deliberate).stage(3)
	s.rules.Cap, s.timeout = people, 3*time.Second
	s.play(row{scenario: "SIGSTOP of the active consumer, take-over, SIGCONT", bound: takeover + slack}, func(sc *scene) {
		for range 3 {
			victim := sc.active()
			sc.moment()
			sc.pause(victim)
			since := time.Now()
			sc.recovered(since)
			claims := sc.journal.since(since)
			if !sc.standsStill(victim) || len(claims) == 0 || claims[0].claim.Replica[:12] == sc.running[victim].id[:12] {
				sc.t.Errorf("%s: nobody else claimed while %s was paused", sc.scenario, victim)
			}
			sc.moment()
			sc.unpause(victim)
			sc.awaitAllReady()
			sc.longest(time.Now())
			sc.took = sc.took[:len(sc.took)-1]
		}
	})
	s.play(row{scenario: "a paused replica's upsert lands after the new owner's removal"}, func(sc *scene) {
		sc.events.stop() // from here on one person comes and goes
		sc.staged = 1
		sc.settle()
		sc.lateUpsert()
	})
	epochs, err := s.journal.fence()
	if err != nil {
		t.Fatal(err) // an older owner's entry
	}
	t.Logf("entries by epoch: %v, each written by the process that had claimed it", epochs)
}

// settle waits until nothing is on its way.
func (sc *scene) settle() {
	sc.t.Helper()
	sc.await("nothing to be on its way", time.Minute, func() bool {
		active := sc.activeNow()
		if active == "" {
			return false
		}
		dirty := sc.metric(active, `rollcall_contacts{destination="newsletter",state="dirty"}`)
		return dirty >= 0 && dirty == sc.metric(active, `rollcall_contacts{destination="newsletter",state="waiting"}`)
	})
}

// lateUpsert has the active replica send an upsert that the network holds back, pauses it, lets the person leave and the other
// replica remove her, and only then lets the upsert through.
func (sc *scene) lateUpsert() {
	sc.t.Helper()
	nc, js := sc.connectAs("publisher", nodes)
	defer nc.Close()
	const email = "p0@example.com"
	tell := func(id, change string) {
		e, body := event(id, 0, change == "entered")
		sc.events.publish(sc.t.Context(), js, e, body)
	}
	tell(sc.name+"listed", "entered")
	sc.await("the person to be listed", time.Minute, func() bool { return sc.lists(email) })
	sc.settle()
	sc.sendgrid().faults(map[string]any{"kind": "hold", "route": "PUT contacts", "count": 1})
	tell(sc.name+"late", "entered")
	sc.await("the upsert to be under way", time.Minute, func() bool { return sc.sendgrid().summary().Held == 1 })
	victim := sc.active()
	sc.pause(victim)
	removals := sc.sendgrid().summary().Answers["DELETE lists/{id}/contacts 2xx"]
	since := time.Now()
	tell(sc.name+"gone", "exited")
	sc.recovered(since)
	sc.await("the new owner to remove the person", 2*time.Minute, func() bool {
		return sc.sendgrid().summary().Answers["DELETE lists/{id}/contacts 2xx"] > removals
	})
	sc.sendgrid().faults() // lets the upsert through: it is applied after the removal
	sc.await("the late upsert to be served", time.Minute, func() bool { return sc.sendgrid().summary().Held == 0 })
	sc.unpause(victim)
	changes := 0
	sc.await("the person to be taken off the list for good", time.Minute, func() bool {
		all, err := sc.sendgrid().changes()
		must(sc.t, err)
		changes = 0
		for _, c := range all {
			if c.Email == email {
				changes++
			}
		}
		return !sc.lists(email) && sc.sendgrid().summary().Answers["DELETE lists/{id}/contacts 2xx"] > removals+1
	})
	sc.t.Logf("the list changed %d times for the person: the stale upsert put her back, and she was removed again", changes)
}

func (sc *scene) lists(email string) bool {
	sc.t.Helper()
	contacts, err := sc.sendgrid().contacts()
	must(sc.t, err)
	for _, c := range contacts {
		if c.Email == email {
			return true
		}
	}
	return false
}
