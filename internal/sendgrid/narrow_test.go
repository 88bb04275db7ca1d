package sendgrid_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// A population of n of whom SendGrid refuses k, which no local check can tell.
func population(s *stage, n, k int) (emails []string, bad map[string]bool) {
	s.Helper()
	bad = map[string]bool{}
	refuses := func(e string) bool { return s.sim.Refuses(e) || s.sim.RefusesUnnamed(e) }
	for i := 0; len(emails) < n-k || len(bad) < k; i++ {
		e := fmt.Sprintf("p%d@example.com", i)
		switch refused := refuses(e); {
		case refused && len(bad) < k:
			bad[e] = true
		case !refused && len(emails) < n-k:
			emails = append(emails, e)
		}
	}
	at := 0
	for e := range bad { // anywhere among them
		at = (at + 104729) % len(emails)
		emails = slices.Insert(emails, at, e)
	}
	return emails, bad
}

// send upserts all and returns how many requests it took, and why each refused one was.
func send(s *stage, emails []string) (requests int, refused map[string]string) {
	s.Helper()
	refused = map[string]string{}
	for queue, part := [][]string{emails}, false; len(queue) > 0; part = true {
		batch := queue[0]
		queue = queue[1:]
		b := sendgrid.NewBatch([]string{s.list}, 30000, 3_500_000)
		for _, e := range batch {
			if !b.Add([]byte(`{"email":"` + e + `"}`)) {
				s.Fatal("the batch is full")
			}
		}
		_, err := s.Upsert(s.Context(), b.Bytes())
		b.Release()
		requests++
		if err == nil {
			continue
		}
		out, again := sendgrid.Narrow(len(batch), func(i int) string { return batch[i] }, failure(s, err), part)
		for _, r := range out {
			refused[batch[r.Index]] = r.Reason
		}
		for _, part := range again {
			next := make([]string, len(part))
			for i, at := range part {
				next[i] = batch[at]
			}
			queue = append(queue, next)
		}
	}
	return requests, refused
}

// I8: whoever is refused, in whatever way it is told, the others go through, within a bound of requests.
func TestRule07_TheRestOfABatchGoesThroughWithinABound(t *testing.T) {
	const n = 30000
	for _, c := range []struct {
		kind   string
		quirks simulator.Quirks
		bad    []int
	}{
		{"refuse", simulator.Quirks{}, []int{1, 17, 3000}},
		{"refuse", simulator.Quirks{FirstOnly: true, LegacyField: true}, []int{1, 17, 3000}},
		{"unnamed", simulator.Quirks{}, []int{1, 17, 300}},
	} {
		for _, k := range c.bad {
			t.Run(fmt.Sprintf("%s, first only %v, %d", c.kind, c.quirks.FirstOnly, k), func(t *testing.T) {
				onStage(t, simulator.Options{Quirks: c.quirks, Seed: uint64(k)}, func(s *stage) {
					if err := s.sim.SetFaults([]simulator.Fault{{Kind: c.kind, Share: 0.1}}); err != nil {
						s.Fatal(err)
					}
					emails, bad := population(s, n, k)
					requests, refused := send(s, emails)
					bound := 2*float64(k)*(math.Log2(n/float64(k))+2) + 2
					s.Logf("%d of %d refused: %d requests, the bound is %.0f", k, n, requests, bound)
					if float64(requests) > bound {
						s.Errorf("%d requests, the bound is %.0f", requests, bound)
					}
					for e, reason := range refused {
						want := map[string]string{"refuse": "email '…' is not valid", "unnamed": "invalid input"}[c.kind]
						if !bad[e] || reason != want {
							s.Errorf("%s is refused for %q, want %q", e, reason, want)
						}
					}
					time.Sleep(30 * time.Second)
					if listed := s.sim.Summary().Lists[s.list]; listed != n-k || len(refused) != k {
						s.Errorf("%d are listed and %d refused, want %d and %d", listed, len(refused), n-k, k)
					}
				})
			})
		}
	}
}

// What Narrow does with answers that name wrongly, twice or everybody.
func TestRule08_TheAddressComesBeforeTheIndex(t *testing.T) {
	emails := []string{"a@example.com", "B@example.com", "c@example.com"}
	at := func(i int) string { return emails[i] }
	for name, c := range map[string]struct {
		invalid []sendgrid.Invalid
		refused []int
		again   [][]int
	}{
		"the address wins":      {[]sendgrid.Invalid{{Index: 0, Email: "b@example.com"}}, []int{1}, [][]int{{0}, {2}}},
		"an unknown address":    {[]sendgrid.Invalid{{Index: 2, Email: "x@example.com"}}, []int{2}, [][]int{{0}, {1}}},
		"an index out of range": {[]sendgrid.Invalid{{Index: 7}}, nil, [][]int{{0}, {1, 2}}},
		"nobody we know":        {[]sendgrid.Invalid{{Index: -1, Email: "x@example.com"}}, nil, [][]int{{0}, {1, 2}}},
		"twice the same":        {[]sendgrid.Invalid{{Index: 1}, {Index: -1, Email: "b@example.com"}}, []int{1}, [][]int{{0}, {2}}},
		"two":                   {[]sendgrid.Invalid{{Index: 1}, {Index: 2}}, []int{1, 2}, [][]int{{0}}},
		"everybody":             {[]sendgrid.Invalid{{Index: 0}, {Index: 1}, {Index: 2}}, []int{0, 1, 2}, nil},
	} {
		refused, again := sendgrid.Narrow(3, at, &sendgrid.Error{Invalid: c.invalid}, true)
		var who []int
		for _, r := range refused {
			who = append(who, r.Index)
		}
		if !slices.Equal(who, c.refused) || !slices.EqualFunc(again, c.again, slices.Equal[[]int]) {
			t.Errorf("%s: refused %v, again %v", name, who, again)
		}
	}
	named := &sendgrid.Error{Invalid: []sendgrid.Invalid{{Index: 1}}}
	if _, again := sendgrid.Narrow(3, at, named, false); !slices.EqualFunc(again, [][]int{{0, 2}}, slices.Equal[[]int]) {
		t.Errorf("the rest of a whole batch goes in %d parts", len(again))
	}
	if refused, again := sendgrid.Narrow(1, at, &sendgrid.Error{Message: "invalid input"}, true); len(refused) != 1 || len(again) != 0 {
		t.Errorf("alone: refused %v, again %v", refused, again)
	}
}

// 20,000 removals: of contacts listed minutes ago, seconds ago, never, and beside somebody else's. The ids
// of all come from one export, each round, and no request is refused for its rate.
func TestRule15_ThousandsOfRemovalsAreResolvedByExports(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		all := addresses(20000)
		s.upsert(all[:10000]...)
		for i := range 500 {
			s.sim.Alter(fmt.Sprintf("stranger%d@example.com", i), s.list, true, nil)
		}
		time.Sleep(5 * time.Minute)
		s.upsert(all[10000:15000]...) // seconds ago; the last 5,000 never were listed
		begun, gone := time.Now(), 0
		left := all
		for round := 0; len(left) > 0 && time.Since(begun) < 6*time.Minute; round++ {
			found, err := s.Resolve(s.Context(), s.list, left)
			if err != nil {
				s.Fatal(err)
			}
			var ids, absent []string
			for _, e := range left {
				if f, ok := found[e]; ok && slices.Contains(f.Lists, s.list) {
					ids = append(ids, f.ID)
				} else {
					absent = append(absent, e)
				}
			}
			gone += len(ids)
			for rest := ids; len(rest) > 0; rest = rest[min(len(rest), sendgrid.MaxIDs):] {
				if _, err := s.RemoveFromList(s.Context(), s.list, rest[:min(len(rest), sendgrid.MaxIDs)]); err != nil {
					s.Fatal(err)
				}
			}
			left = absent // not yet, within the horizon (rule 16)
			time.Sleep(time.Minute)
		}
		sum := s.sim.Summary()
		requests := 0
		for route, n := range sum.Requests {
			requests += n
			s.Logf("%5d %s", n, route)
		}
		s.Logf("%d requests for %d removals", requests, gone)
		if gone != 15000 || sum.Lists[s.list] != 500 || sum.Contacts != 15500 {
			s.Errorf("%d were removed, %d are listed, %d contacts", gone, sum.Lists[s.list], sum.Contacts)
		}
		for route, n := range sum.Answers {
			if route == "DELETE lists/{id}/contacts 4xx" || route == "POST contacts/search/emails 429" {
				s.Errorf("%d of %s", n, route)
			}
		}
		if requests > 150+100 {
			s.Errorf("%d requests", requests)
		}
	})
}
