//go:build integration

package integration

import (
	"strings"
	"time"

	"rollcall/internal/demo/audit"
)

// upgraded is another revision: one more segment, and one more field.
func upgraded(file string) string {
	file = strings.Replace(quick(file), "destinations:\n", "revision: 1\ndestinations:\n", 1)
	file = strings.Replace(file, "[high-value, newsletter-optin]", "[high-value, newsletter-optin, recently-active]", 1)
	return strings.Replace(file, "first_name: first_name}", "first_name: first_name, city: city}", 1)
}

// upgrade replaces one consumer after the other by another build with another configuration. While the two run side by side, the
// older one works on until it ends, then the newer claims; from there on the older one, ready and alone, never claims again.
func (s *stage) upgrade() {
	s.t.Helper()
	s.play(row{scenario: "rolling upgrade: another build, a new segment and field", wantKills: 2, wantStops: 2}, func(sc *scene) {
		older := sc.active()
		newer := other(older)
		began := time.Now()
		sc.replace(newer)
		sc.recovered(began)
		if claims := sc.journal.since(began); len(claims) > 0 {
			sc.t.Errorf("%s: epoch %d was claimed while the active replica worked", sc.scenario, claims[0].claim.Epoch)
		}
		sc.killActive() // the older one; it comes back beside the newer
		if sc.active() != newer {
			sc.t.Errorf("%s: the older revision is active again", sc.scenario)
		}
		sc.moment()
		d := sc.kill(newer)
		sc.deaths = append(sc.deaths, d)
		sc.await("the older replica to decline", time.Minute, func() bool {
			out, err := sc.run(older, "/consumer", "status", "--config", "/etc/rollcall/rollcall.yaml")
			return err == nil && strings.Contains(string(out), "stale_config")
		})
		time.Sleep(takeover + slack)
		if claims := sc.journal.since(d.time()); len(claims) > 0 {
			sc.t.Errorf("%s: epoch %d was claimed by the older revision", sc.scenario, claims[0].claim.Epoch)
		}
		sc.revive(newer)
		sc.recovered(d.time())
		sc.replace(older)
		sc.selected = segments
		sc.rules.Segments = segments
		sc.rules.Fields = append(sc.rules.Fields, audit.Field{Name: "city", Attribute: "city", Kind: "Text"})
	})
	last := s.journal.since(time.Time{})
	newest := last[len(last)-1].claim
	if newest.Revision != 1 || len(newest.Binding.Segments) != len(segments) {
		s.t.Errorf("the last claim is of revision %d with segments %v", newest.Revision, newest.Binding.Segments)
	}
	older := false
	for _, c := range last {
		if older && c.claim.Revision == 0 {
			s.t.Errorf("epoch %d: the older revision claimed after the newer", c.claim.Epoch)
		}
		older = older || c.claim.Revision == 1
	}
	s.otherBuild()
}

// replace stops a consumer and starts it anew: another build, another configuration.
func (sc *scene) replace(consumer string) {
	sc.t.Helper()
	sc.deaths = append(sc.deaths, sc.stop(consumer))
	next := sc.compose.Services[consumer]
	next.Image = nextImage
	sc.compose.Services[consumer] = next
	sc.start(consumer, sc.configuration(upgraded))
	sc.await(consumer+" to be ready", time.Minute, func() bool { return sc.ready(consumer) })
}

// otherBuild checks that the two builds were two.
func (s *stage) otherBuild() {
	s.t.Helper()
	out, err := s.run(consumers[0], "/consumer", "--version")
	if err != nil || !strings.Contains(string(out), nextVersion) {
		s.t.Errorf("the upgraded consumer says it is %q, %v", out, err)
	}
}
