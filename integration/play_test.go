//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"rollcall/integration/history"
	"rollcall/internal/demo/audit"
)

const (
	takeover = 5 * time.Second // nats.takeover, as shipped
	// slack is what a take-over may last beyond it: the others look four times a second, load, claim and fold.
	slack = 4 * time.Second
	// election bounds what needs one among the brokers: 16 s at shipped values (docs/failures.md), 10 s for each one more, where one
	// fails on a loaded machine or the healing calls for the next.
	election = 45 * time.Second
)

// stage is a world with its events, of which it forgets none, and with what is expected of the list.
type stage struct {
	*world
	journal   *journal
	luck      *rand.Rand // when trouble strikes
	scenes    uint64
	events    []history.Event
	timeout   time.Duration // accounts.request_timeout
	selected  []string
	rules     audit.Rules
	refreshed bool // the job published too, so that the events are no longer all known: the audit alone judges
	staged    int  // stale requests that the test itself let through behind a removal: each shows in the history once
}

// quick makes the shipped configuration's waiting times fit for a test; nothing else of it is changed.
func quick(file string) string {
	file = strings.Replace(file, "    clock_scale: 30\n", "    clock_scale: 30\n    request_timeout: 5s\n", 1)
	return strings.Replace(file, "    profile_cap: 100000\n", fmt.Sprintf("    profile_cap: %d\n    mapping: {email: email, first_name: first_name}\n"+
		"    debounce: {quiet: 200ms, max_wait: 2s}\n    guard: {min_removals: 1000000}\n", places), 1)
}

func (w *world) stage(number uint64) *stage {
	s := &stage{world: w, journal: w.follow(), luck: rand.New(rand.NewPCG(seed, number)), scenes: number * 100, timeout: 5 * time.Second, selected: segments[:2]}
	s.rules = audit.Rules{Segments: s.selected, Email: "email", Cap: places, Fields: []audit.Field{{Name: "first_name", Attribute: "first_name", Kind: "Text"}}}
	return s
}

// scene is one row in the making.
type scene struct {
	*stage
	row
	events  *traffic
	moments []string // at which trouble struck
}

// moment waits for a seeded time, so that trouble strikes at any point of an event's way.
func (sc *scene) moment() {
	d := time.Duration(sc.luck.Int64N(int64(2 * time.Second)))
	sc.moments = append(sc.moments, fmt.Sprintf("%.3f", d.Seconds()))
	time.Sleep(d)
}

// play runs one scenario under events that never pause, and ends it with the audit and the history check.
func (s *stage) play(r row, do func(*scene)) {
	s.t.Helper()
	began, requests, before := time.Now(), s.sendgrid().requests(), s.published()
	s.scenes++
	sc := &scene{stage: s, row: r, events: s.traffic(s.scenes)}
	do(sc)
	if len(sc.moments) > 0 {
		s.t.Logf("%s: with the seed %d trouble struck after waits of %s s", r.scenario, seed, strings.Join(sc.moments, ", "))
	}
	acked := sc.events.stop()
	s.events = append(s.events, acked...)
	sc.row.events = len(acked)
	sc.judge()
	sequences := make([]uint64, 0, len(acked))
	for _, e := range acked {
		sequences = append(sequences, e.Sequence)
	}
	if sc.refreshed {
		sc.row.events = sc.published() - before
	}
	claims := s.journal.since(began)
	for _, c := range claims {
		s.t.Logf("%s: epoch %d claimed by %s after %.1f s", r.scenario, c.claim.Epoch, c.claim.Replica, c.at.Sub(began).Seconds())
	}
	sc.redelivered = s.journal.again(claims, sequences)
	if _, err := s.journal.fence(); err != nil {
		s.t.Errorf("%s: %v", r.scenario, err)
	}
	s.nobodyFell()
	sc.requests, sc.lasted = s.sendgrid().requests()-requests, time.Since(began)
	report(s.t, &sc.row)
}

// judge waits until the list is as the events say and every event is accounted for; what is wrong two minutes after the last event
// stays wrong.
func (sc *scene) judge() {
	sc.t.Helper()
	nc, js := sc.connect()
	defer nc.Close()
	var found *audit.Report
	var account history.Account
	var err error
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(500 * time.Millisecond) {
		if found, err = sc.audit(sc.t.Context(), js, sc.rules, nil); err != nil || !found.Clean() {
			continue
		}
		if sc.refreshed {
			break
		}
		var h history.History
		if h, err = sc.history(sc.t.Context(), js, sc.stage.events, sc.selected); err != nil {
			continue
		}
		account = history.Check(h)
		if account.Breaches = sc.unstaged(account.Breaches); len(account.Breaches) == 0 {
			break
		}
	}
	if err != nil {
		sc.t.Fatalf("%s: look at the end: %v", sc.scenario, err)
	}
	sc.listed, sc.wrong, sc.lost = found.Listed, found.Wrong, len(account.Breaches)
	if sc.wrong > 0 || sc.lost > 0 {
		sc.t.Errorf("%s: %+v, breaches %v", sc.scenario, found, account.Breaches[:min(10, len(account.Breaches))])
	}
	sc.t.Logf("%s: of %d events so far %d applied, %d coalesced, %d waiting, %d dead letters", sc.scenario, len(sc.stage.events),
		account.Applied, account.Coalesced, account.Waiting, account.Dead)
}

// published is how many events came into the stream so far.
func (w *world) published() int {
	w.t.Helper()
	nc, js := w.connect()
	defer nc.Close()
	stream, err := js.Stream(w.t.Context(), "SEGMENT_EVENTS")
	must(w.t, err)
	return int(stream.CachedInfo().State.LastSeq)
}

// unstaged takes out the breaches that the test itself brought about; too few of them are one more.
func (s *stage) unstaged(all []history.Breach) (out []history.Breach) {
	left := s.staged
	for _, b := range all {
		if b.Kind == history.Resurrected && left > 0 {
			left--
			continue
		}
		out = append(out, b)
	}
	if left > 0 {
		out = append(out, history.Breach{Kind: "a staged breach did not show"})
	}
	return out
}

// recovered waits until an event that was published after a time is taken over, and notes how long that took.
func (sc *scene) recovered(since time.Time) {
	sc.t.Helper()
	var at time.Time
	sc.await("an event that was published after the trouble to be taken over", 2*time.Minute, func() bool {
		events, ok := sc.events.after(since), false
		if len(events) > 0 {
			at, ok = sc.journal.covers(since, events[0].Sequence)
		}
		return ok
	})
	sc.took = append(sc.took, at.Sub(since))
}

// longest notes the longest that an event published since a time waited to be taken over, once one that was published at the end is.
func (sc *scene) longest(since time.Time) {
	sc.t.Helper()
	end := time.Now()
	sc.recovered(end)
	var worst time.Duration
	for _, e := range sc.events.after(since) {
		if at, ok := sc.journal.covers(since, e.Sequence); ok && e.Sent.Before(end) {
			worst = max(worst, at.Sub(e.Sent))
		}
	}
	sc.took[len(sc.took)-1] = worst
}
