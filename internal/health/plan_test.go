package health

import (
	"testing"
	"time"
)

// A full plan takes contacts again once the account's count has fallen, whatever it was when SendGrid said that it is full.
func TestAFullPlanOpensWhenTheCountFalls(t *testing.T) {
	p := Plan{Every: 5 * time.Minute}
	if _, wanted := p.Count(at(0)); wanted || p.Full() || p.Open() {
		t.Fatalf("a plan with room: %+v", p)
	}
	if !p.Close() || p.Close() || !p.Full() {
		t.Fatal("that it is full is news once")
	}
	for _, c := range []struct {
		at, count          int
		failed, want, full bool
	}{
		{at: 0, count: 100, full: true},
		{at: 300, count: 110, full: true}, // others add contacts too
		{at: 600, failed: true, full: true},
		{at: 900, count: 110, full: true},
		{at: 1200, count: 109, want: true},
	} {
		closing, wanted := p.Count(at(c.at))
		if _, twice := p.Count(at(c.at)); !wanted || twice {
			t.Fatalf("at %d the count is wanted: %v, and twice: %v", c.at, wanted, twice)
		}
		if got := p.Counted(closing, c.count, c.failed, at(c.at)); got != c.want || p.Full() != c.full {
			t.Errorf("at %d with %d contacts: opens %v, full %v", c.at, c.count, got, p.Full())
		}
		if _, wanted := p.Count(at(c.at + 299)); wanted {
			t.Errorf("at %d it is asked for again before five minutes have passed", c.at)
		}
	}
}

// An answer to a question of before the last closing opens nothing.
func TestAnOldCountOpensNothing(t *testing.T) {
	p := Plan{Every: time.Minute}
	p.Close()
	first, _ := p.Count(at(0))
	p.Counted(first, 100, false, at(0))
	old, _ := p.Count(at(60))
	if !p.Open() {
		t.Fatal("an operator can't open it")
	}
	p.Close()
	if p.Counted(old, 1, false, at(61)) || !p.Full() {
		t.Error("the answer to an old question opens a plan that is full again")
	}
	if _, wanted := p.Count(at(61)); !wanted {
		t.Error("after the new closing the count is not asked for")
	}
}
