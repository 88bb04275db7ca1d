package publish

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"rollcall/internal/segment"
)

func write(t *testing.T, to io.Writer, p Population) {
	t.Helper()
	err := p.Rows(func(r Row) error {
		_, err := fmt.Fprintf(to, "%s %s %s %s\n", r.Segment, r.Profile, r.Change, r.Attributes)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	sum := func(seed uint64) string {
		h := sha256.New()
		write(t, h, Population{Seed: seed, Profiles: 3000, BadEmails: 0.02, Churn: 0.3})
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	first, again := sum(7), sum(7)
	if first != again {
		t.Error("two runs with one seed differ")
	}
	if first == sum(8) {
		t.Error("two seeds give the same population")
	}
}

func TestGrowingAPopulationKeepsItsFirstProfiles(t *testing.T) {
	arrivals := func(profiles int) map[string]string {
		seen := map[string]string{}
		_ = Population{Seed: 3, Profiles: profiles}.Rows(func(r Row) error {
			seen[r.Segment+" "+r.Profile] = string(r.Attributes)
			return nil
		})
		return seen
	}
	small, large := arrivals(400), arrivals(2000)
	for key, attributes := range small {
		if large[key] != attributes {
			t.Fatalf("%s: %s in the small one, %s in the large one", key, attributes, large[key])
		}
	}
}

// member is what a population did to one membership.
type member struct{ entered, exited int }

func TestAPopulationHasTheAskedShares(t *testing.T) {
	const profiles = 20_000
	p := Population{Seed: 1, Profiles: profiles, BadEmails: 0.05, Churn: 0.25}
	events, bad, moved := 0, map[string]bool{}, 0
	profile, address, shared := map[string]map[string]member{}, map[string]string{}, map[string]map[string]bool{}
	var d segment.Decoder
	err := p.Rows(func(r Row) error {
		events++
		body := segment.AppendMembership(nil, segment.Envelope{ID: "1", Source: "/t"}, r.Segment, r.Profile, r.Change, r.Attributes)
		if _, problem := d.Decode(segment.MembershipSubject(true, r.Segment, r.Profile), nil, body); problem != nil {
			return fmt.Errorf("row %d does not decode: %s", events, problem.Detail)
		}
		if profile[r.Profile] == nil {
			profile[r.Profile] = map[string]member{}
		}
		m := profile[r.Profile][r.Segment]
		if r.Change == segment.Entered {
			m.entered++
		} else {
			m.exited++
		}
		profile[r.Profile][r.Segment] = m
		if r.Attributes == nil {
			return nil
		}
		_, after, _ := strings.Cut(string(r.Attributes), `"email":"`)
		email, _, _ := strings.Cut(after, `"`)
		email = strings.ToLower(email)
		if before, known := address[r.Profile]; known && before != email {
			moved++
		}
		address[r.Profile] = email
		if !strings.Contains(email, "@") || strings.Contains(email, " ") {
			bad[r.Profile] = true
			return nil
		}
		if shared[email] == nil {
			shared[email] = map[string]bool{}
		}
		shared[email][r.Profile] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	several, left, odd, twins := 0, 0, 0, 0
	for id, segments := range profile {
		if len(segments) > 1 {
			several++
		}
		if strings.Contains(id, "/") {
			odd++
		}
		for _, m := range segments {
			left += min(m.exited, 1)
		}
	}
	for _, owners := range shared {
		twins += min(len(owners)-1, 1)
	}
	within := func(what string, got int, low, high float64) {
		t.Helper()
		if share := float64(got) / profiles; share < low || share > high {
			t.Errorf("%s: %d, a share of %.4f, want %.3f to %.3f", what, got, share, low, high)
		}
	}
	within("events", events, 1.5, 2)
	within("profiles", len(profile), 1, 1)
	within("unusable e-mails", len(bad), 0.045, 0.055)
	within("profiles in several segments", several, 0.3, 0.5)
	within("memberships left", left, 0.1, 0.3)
	within("ids with a hashed key", odd, 0.005, 0.015)
	within("shared e-mails", twins, 0.001, 0.01)
	within("moves", moved, 0.01, 0.06)
	if n := p.Count(); n != events {
		t.Errorf("Count is %d of %d events", n, events)
	}
}

func TestAPopulationWithoutChurnOnlyArrives(t *testing.T) {
	seen := map[string]bool{}
	err := Population{Profiles: 2000, Segments: []string{"one"}}.Rows(func(r Row) error {
		if r.Change != segment.Entered || r.Segment != "one" || seen[r.Profile] {
			return errors.New(r.Profile + " did not arrive once")
		}
		seen[r.Profile] = true
		return nil
	})
	if err != nil || len(seen) != 2000 {
		t.Errorf("%d profiles, %v", len(seen), err)
	}
}

func TestEveryProfileOfAFullChurnChangesAsOftenAsAsked(t *testing.T) {
	rounds := map[string]int{}
	_ = Population{Profiles: 600, Segments: []string{"one"}, Churn: 1, Changes: 9}.Rows(func(r Row) error {
		rounds[r.Profile]++
		return nil
	})
	for id, n := range rounds {
		if n < 10 {
			t.Errorf("%s has %d events", id, n)
		}
	}
}

func TestRowsStopAtTheCallersError(t *testing.T) {
	stop, n := errors.New("enough"), 0
	err := Population{Profiles: 100}.Rows(func(Row) error {
		if n++; n == 5 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 5 {
		t.Errorf("stopped after %d with %v", n, err)
	}
	if err := (Population{Profiles: 1, Segments: make([]string, 65)}).Rows(func(Row) error { return nil }); err == nil {
		t.Error("65 segments are accepted")
	}
}

func BenchmarkPopulation(b *testing.B) {
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = Population{Profiles: 1000, Churn: 0.25}.Count()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
}

func TestChangesStandAmongOthersArrivals(t *testing.T) {
	const profiles = 5 * blockSize
	arrived, changed := map[string]bool{}, 0
	_ = Population{Profiles: profiles, Segments: []string{"one"}, Churn: 1}.Rows(func(r Row) error {
		if arrived[r.Profile] && len(arrived) < profiles {
			changed++
		}
		arrived[r.Profile] = true
		return nil
	})
	if changed < profiles/3 {
		t.Errorf("%d changes before the last arrival", changed)
	}
}
