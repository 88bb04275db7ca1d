package integration

import (
	"strings"
	"time"

	"github.com/moby/moby/client"

	"rollcall/internal/demo/audit"
)

// upgraded is another revision: one more segment, and one more field.
func upgraded(file string) string {
	file = strings.Replace(quick(file), "destinations:\n", "revision: 1\ndestinations:\n", 1)
	file = strings.Replace(file, "[high-value, newsletter-optin]", "[high-value, newsletter-optin, recently-active]", 1)
	return strings.Replace(file, "first_name: first_name}", "first_name: first_name, city: city}", 1)
}

// upgrade replaces one consumer after the other by another build with another configuration. Between the two, both builds run
// side by side, and the older one, killed or not, never claims again.
func (s *stage) upgrade() {
	s.t.Helper()
	s.play(row{scenario: "rolling upgrade: another build, a new segment and field"}, func(sc *scene) {
		for _, c := range consumers {
			since := time.Now()
			grace := 20
			_, err := sc.docker.ContainerStop(sc.t.Context(), sc.running[c].id, client.ContainerStopOptions{Timeout: &grace})
			must(sc.t, err)
			next := sc.compose.Services[c]
			next.Image = nextImage
			sc.compose.Services[c] = next
			sc.start(c, sc.configuration(upgraded))
			sc.awaitAllReady()
			sc.longest(since)
		}
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

// otherBuild checks that the two builds were two.
func (s *stage) otherBuild() {
	s.t.Helper()
	out, err := s.run(consumers[0], "/consumer", "--version")
	if err != nil || !strings.Contains(string(out), nextVersion) {
		s.t.Errorf("the upgraded consumer says it is %q, %v", out, err)
	}
}
