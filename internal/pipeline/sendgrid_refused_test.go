package pipeline

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/sendgrid/simulator"
)

// population makes n e-mails, k of which the simulator refuses by its seeded list, anywhere among them.
func (s *scene) population(n, k int) (emails []string, bad map[string]bool) {
	bad = map[string]bool{}
	var refused []string
	for i := 0; len(emails) < n-k || len(refused) < k; i++ {
		e := fmt.Sprintf("p%d@example.com", i)
		switch out := s.sim.Refuses(e) || s.sim.RefusesUnnamed(e); {
		case out && len(refused) < k:
			refused, bad[e] = append(refused, e), true
		case !out && len(emails) < n-k:
			emails = append(emails, e)
		}
	}
	at := 0
	for _, e := range refused {
		at = (at + 104729) % (len(emails) + 1)
		emails = slices.Insert(emails, at, e)
	}
	return emails, bad
}

// I8, story 2: 30,000 contacts of whom SendGrid refuses some, in whatever way it tells: every good one is applied, every
// bad one is a dead letter with SendGrid's reason, within a bound of requests.
func TestThirtyThousandWithRefusedOnesGoThroughWithinABound(t *testing.T) {
	const n = 30000
	for _, c := range []struct {
		kind   string
		quirks simulator.Quirks
		reason string
		bad    []int
	}{
		{"refuse", simulator.Quirks{}, "email '…' is not valid", []int{1, 17, 3000}},
		{"refuse", simulator.Quirks{FirstOnly: true, LegacyField: true}, "email '…' is not valid", []int{1, 17, 3000}},
		{"unnamed", simulator.Quirks{}, "invalid input", []int{1, 17, 300}},
	} {
		for _, k := range c.bad {
			t.Run(fmt.Sprintf("%s, one at a time %v, %d", c.kind, c.quirks.FirstOnly, k), func(t *testing.T) {
				onScene(t, simulator.Options{Quirks: c.quirks, Seed: uint64(k)}, func(s *scene) {
					if err := s.sim.SetFaults([]simulator.Fault{{Kind: c.kind, Share: 0.1}}); err != nil {
						s.Fatal(err)
					}
					emails, bad := s.population(n, k)
					s.begin()
					s.all("a", "entered", emails)
					took := s.quiet(2 * time.Hour)
					s.judgeRefused(n, emails, bad, c.reason, took)
				})
			})
		}
	}
}

func (s *scene) judgeRefused(n int, emails []string, bad map[string]bool, reason string, took time.Duration) {
	s.Helper()
	k := len(bad)
	bound := 2*float64(k)*(math.Log2(float64(n)/float64(k))+2) + 4 // batches
	sum := s.sim.Summary()
	s.Logf("%d of %d refused: %d upserts (the bound is %.0f), %d contacts sent, in %s", k, n, sum.Requests["PUT contacts"], bound, sum.Upserted, took)
	if float64(sum.Requests["PUT contacts"]) > bound {
		s.Errorf("%d upserts, the bound is %.0f", sum.Requests["PUT contacts"], bound)
	}
	on := s.members()
	for _, e := range emails {
		if on[e] == bad[e] {
			s.Errorf("a contact: on the list %v, refused %v", on[e], bad[e])
			break
		}
	}
	if st := s.d.Stats(); st.Listed != n-k || st.RefusedNow != k || len(s.letters) != k {
		s.Errorf("%d listed, %d refused, %d letters; want %d, %d", st.Listed, st.RefusedNow, len(s.letters), n-k, k)
	}
	for _, l := range s.letters {
		if l.Reason != "sendgrid_refused" || l.Detail != reason || l.BodyExpired {
			s.Errorf("a letter's reason is %q, its detail %q", l.Reason, l.Detail)
			break
		}
	}
	for _, e := range s.logs.FilterLevelExact(zap.WarnLevel).All() {
		s.Errorf("a warning: %s %v", e.Message, e.ContextMap())
	}
	if refused := s.limitedRequests(); refused != 0 {
		s.Errorf("%d requests were refused for their rate", refused)
	}
}
