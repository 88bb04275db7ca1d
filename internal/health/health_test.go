package health

import (
	"testing"
	"time"

	"rollcall/internal/sendgrid/class"
)

// steps are rests that a test can foresee: one second, two, three.
type steps struct{ taken int }

func (s *steps) NextBackOff() time.Duration {
	s.taken++
	return time.Duration(s.taken) * time.Second
}

func (s *steps) Reset() { s.taken = 0 }

// at is a moment of the tests' clock.
func at(seconds int) time.Time { return time.Unix(1_800_000_000+int64(seconds), 0) }

func fresh(p Policy, reason Reason) *Health {
	p.Probe, p.Rests, p.MostLone = 30*time.Second, &steps{}, 2
	return New(p, reason)
}

// The one table of what an answer suspends for: a 404 of the list alone, and exports never, because look-ups do their work too.
func TestWhatAnAnswerSuspendsFor(t *testing.T) {
	for _, c := range []struct {
		class class.Class
		route class.Route
		want  Reason
	}{
		{class.Unauthorized, class.RouteUpsert, Key},
		{class.Unauthorized, class.RouteList, Key},
		{class.Unauthorized, class.RouteExport, None},
		{class.Forbidden, class.RouteRemove, Forbidden},
		{class.Forbidden, class.RouteExportJob, None},
		{class.NotFound, class.RouteUpsert, List},
		{class.NotFound, class.RouteList, List},
		{class.NotFound, class.RouteRemove, None},
		{class.NotFound, class.RouteEmails, None},
		{class.NotFound, class.RouteJob, None},
		{class.BadFields, class.RouteUpsert, Fields},
		{class.RateLimited, class.RouteUpsert, None},
		{class.Unavailable, class.RouteUpsert, None},
		{class.OverBudget, class.RouteUpsert, None},
		{0, class.RouteUpsert, None},
	} {
		if got := ReasonOf(c.class, c.route); got != c.want {
			t.Errorf("%v on %s suspends for %q, want %q", c.class, c.route, got, c.want)
		}
	}
}

func TestReasonsHaveTheContractsNames(t *testing.T) {
	for r := range reasons {
		if got, known := Named(r.String()); !known || got != r {
			t.Errorf("%q is read as %q (%v)", r, got, known)
		}
	}
	if got, known := Named("moon"); known || got != None {
		t.Errorf("an unknown name is read as %q (%v)", got, known)
	}
}

// call is one thing that health is told, with the clock in the row; permit is what may be sent then.
type call struct {
	at     int
	tell   func(h *Health, now time.Time) Change
	change Change
	permit Permit
	reason Reason
}

func failed(c class.Class, r class.Route) func(*Health, time.Time) Change {
	return func(h *Health, now time.Time) Change { return h.Failed(Failure{Class: c, Route: r, Text: "no"}, now) }
}

func answered(r class.Route) func(*Health, time.Time) Change {
	return func(h *Health, _ time.Time) Change { return h.Answered(r) }
}

func nothing(*Health, time.Time) Change { return Unchanged }

func TestWhatMayBeSent(t *testing.T) {
	all := Permit{All: true, Deletions: true}
	for _, c := range []struct {
		name   string
		policy Policy
		from   Reason
		calls  []call
	}{
		{name: "nothing is wrong", calls: []call{{0, nothing, Unchanged, all, None}}},
		{name: "without consent erasures go on", from: Consent, calls: []call{
			{0, nothing, Unchanged, Permit{Deletions: true}, Consent},
			{1, answered(class.RouteDelete), Unchanged, Permit{Deletions: true}, Consent},
		}},
		{name: "a failure lets it rest, and then one request of a kind may go", calls: []call{
			{0, failed(class.Unavailable, class.RouteUpsert), Failed, Permit{}, None},
			{0, failed(class.Unavailable, class.RouteUpsert), Failed, Permit{}, None}, // of the same trouble: no longer rest
			{1, nothing, Unchanged, Permit{All: true, Deletions: true, Single: true}, None},
			{1, failed(class.Ambiguous, class.RouteUpsert), Failed, Permit{}, None},
			{2, nothing, Unchanged, Permit{}, None},
			{3, nothing, Unchanged, Permit{All: true, Deletions: true, Single: true}, None},
			{3, answered(class.RouteUpsert), Unchanged, all, None},
		}},
		{name: "a budget that did not reach a request is no failure", calls: []call{
			{0, failed(class.OverBudget, class.RouteUpsert), Unchanged, all, None},
		}},
		{name: "a key that is not taken stops everything, and is asked about", calls: []call{
			{0, failed(class.Unauthorized, class.RouteUpsert), Suspended, Permit{}, Key},
			{29, nothing, Unchanged, Permit{}, Key},
			{30, nothing, Unchanged, Permit{Probe: true}, Key},
			{30, failed(class.Unauthorized, class.RouteList), StillSuspended, Permit{}, Key},
			{60, answered(class.RouteRemove), Unchanged, Permit{Probe: true}, Key}, // not what was refused
			{60, answered(class.RouteUpsert), Resumed, all, None},
		}},
		{name: "a scope that is missing lets erasures go on", calls: []call{
			{0, failed(class.Forbidden, class.RouteUpsert), Suspended, Permit{Deletions: true}, Forbidden},
			{30, nothing, Unchanged, Permit{Deletions: true, Probe: true}, Forbidden},
		}},
		{name: "but not where deletions were what was refused", calls: []call{
			{0, failed(class.Forbidden, class.RouteDelete), Suspended, Permit{}, Forbidden},
		}},
		{name: "nor where look-ups were", calls: []call{
			{0, failed(class.Forbidden, class.RouteEmails), Suspended, Permit{}, Forbidden},
		}},
		{name: "another reason takes the place of the first", calls: []call{
			{0, failed(class.NotFound, class.RouteUpsert), Suspended, Permit{Deletions: true}, List},
			{5, failed(class.Unauthorized, class.RouteJob), Suspended, Permit{}, Key},
			{6, answered(class.RouteUpsert), Unchanged, Permit{}, Key},
			{6, answered(class.RouteJob), Resumed, all, None},
		}},
		{name: "a look comes before the first request", policy: Policy{Check: true}, calls: []call{
			{0, nothing, Unchanged, Permit{Check: true}, None},
			{0, func(h *Health, _ time.Time) Change { h.BeginCheck(); return Unchanged }, Unchanged, Permit{}, None},
			{1, func(h *Health, now time.Time) Change { c, _ := h.Checked(None, true, now); return c }, Failed, Permit{}, None},
			{2, nothing, Unchanged, Permit{Check: true}, None},
			{2, func(h *Health, now time.Time) Change { c, _ := h.Checked(List, true, now); return c }, Suspended, Permit{Deletions: true}, List},
			{32, func(h *Health, now time.Time) Change { c, _ := h.Checked(None, true, now); return c }, Unchanged, Permit{Deletions: true, Probe: true}, List},
			{33, func(h *Health, now time.Time) Change { c, _ := h.Checked(None, false, now); return c }, Resumed, all, None},
		}},
		{name: "custom fields that are missing suspend from the start", calls: []call{
			{0, func(h *Health, _ time.Time) Change { return h.FieldsMissing() }, Suspended, Permit{Deletions: true, Probe: true}, Fields},
			{1, func(h *Health, _ time.Time) Change { return h.FieldsFound() }, Resumed, all, None},
		}},
		{name: "an operator does not wait for the probe", calls: []call{
			{0, failed(class.Forbidden, class.RouteUpsert), Suspended, Permit{Deletions: true}, Forbidden},
			{1, func(h *Health, _ time.Time) Change { h.Ask(); return Unchanged }, Unchanged, Permit{Deletions: true, Probe: true}, Forbidden},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := fresh(c.policy, c.from)
			for n, step := range c.calls {
				change := step.tell(h, at(step.at))
				if permit := h.Permit(at(step.at)); change != step.change || permit != step.permit || h.Reason() != step.reason {
					t.Errorf("call %d: change %d, %+v, %q; want %d, %+v, %q", n, change, permit, h.Reason(), step.change, step.permit, step.reason)
				}
			}
		})
	}
}

// SendGrid's trouble is told from its first failure until an answer is as it should be, with the last one's words.
func TestTroubleIsToldFromItsFirstFailure(t *testing.T) {
	h := fresh(Policy{}, None)
	h.Failed(Failure{Text: "first"}, at(0))
	h.Failed(Failure{Text: "second"}, at(10))
	if got := h.Failing(); got != (Failing{Since: at(0), Why: "second"}) {
		t.Errorf("failing is %+v", got)
	}
	if h.Took(); h.Failing() != (Failing{}) || !h.RestEnd().IsZero() {
		t.Errorf("after an accepted upsert failing is %+v, the rest ends %v", h.Failing(), h.RestEnd())
	}
}

// That SendGrid could not be asked before the first request is told as well, until it could.
func TestALookThatFailedIsTroubleToo(t *testing.T) {
	h := fresh(Policy{Check: true}, None)
	h.BeginCheck()
	if change, _ := h.Checked(None, true, at(0)); change != Failed {
		t.Fatalf("change %d", change)
	}
	h.Fails("no route", at(0))
	h.Fails("no name", at(5))
	if got := h.Failing(); got != (Failing{Since: at(0), Why: "no name"}) {
		t.Errorf("failing is %+v", got)
	}
	if h.Checked(None, false, at(9)); h.Failing() != (Failing{}) || h.Permit(at(9)).Single {
		t.Errorf("after a look that ended well failing is %+v", h.Failing())
	}
}

// A rest lasts as long as SendGrid asks for, if that is longer.
func TestARestIsAtLeastWhatSendGridAsksFor(t *testing.T) {
	h := fresh(Policy{}, None)
	h.Failed(Failure{Class: class.RateLimited, Route: class.RouteUpsert, Rest: 7 * time.Second, Text: "later"}, at(0))
	if got := h.RestEnd(); !got.Equal(at(7)) {
		t.Errorf("it rests until %v", got)
	}
}

// Contacts that SendGrid refuses one by one without naming them slow the pace only when there are many in a row (I8).
func TestManyLoneRefusalsInARowSlowThePace(t *testing.T) {
	h := fresh(Policy{}, None)
	for n, want := range []bool{false, false, true, true} {
		if got := h.Lone(at(n)); got != want {
			t.Errorf("refusal %d slows the pace: %v", n, got)
		}
	}
	h.Took()
	if h.Lone(at(9)) {
		t.Error("one refusal after an accepted upsert slows the pace")
	}
}

// The small request that ends a suspension is of the kind that was refused.
func TestTheProbeIsOfTheKindThatWasRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy Policy
		tell   func(*Health)
		write  class.Route // empty is a reading
		job    bool
		look   Look
	}{
		{name: "an upsert that lacked a scope", tell: refused(class.Forbidden, class.RouteUpsert), write: class.RouteUpsert},
		{name: "a removal that lacked a scope", tell: refused(class.Forbidden, class.RouteRemove), write: class.RouteRemove},
		{name: "a list that is not there", tell: refused(class.NotFound, class.RouteUpsert), write: class.RouteUpsert},
		{name: "a key", tell: refused(class.Unauthorized, class.RouteUpsert), look: LookList},
		{name: "look-ups", tell: refused(class.Forbidden, class.RouteEmails), look: LookContact},
		{name: "a job", tell: refused(class.Forbidden, class.RouteJob), job: true, look: LookJob},
		{name: "a job that has ended meanwhile", tell: refused(class.Forbidden, class.RouteJob), look: LookList},
		{name: "custom fields", policy: Policy{Resolve: true}, tell: refused(class.BadFields, class.RouteUpsert), look: LookFields},
		{name: "custom fields that nothing can ask for", tell: refused(class.BadFields, class.RouteUpsert), look: LookList},
		{name: "the look before the first request", policy: Policy{Check: true}, look: LookCheck, tell: func(h *Health) {
			h.Checked(Forbidden, true, at(0))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := fresh(c.policy, None)
			c.tell(h)
			if route, write := h.Write(); route != c.write || write != (c.write != "") {
				t.Fatalf("the request is %q (%v), want %q", route, write, c.write)
			}
			if c.write != "" {
				return
			}
			if look := h.Begin(c.job, at(30)); look != c.look {
				t.Errorf("the look is %d, want %d", look, c.look)
			}
			if h.Permit(at(90)).Probe {
				t.Error("a second look begins before the first has ended")
			}
			h.Looked(false)
			if h.Permit(at(59)).Probe || !h.Permit(at(60)).Probe {
				t.Error("the next look does not begin thirty seconds after the first")
			}
			if h.Looked(true) != Resumed || h.Was() == None {
				t.Errorf("it does not resume; it was %q", h.Was())
			}
		})
	}
}

func refused(c class.Class, r class.Route) func(*Health) {
	return func(h *Health) { h.Refused(Failure{Class: c, Route: r}, at(0)) }
}

// Fields that an upsert was refused for are there again: the suspension ends when an upsert is taken, or none is needed any more.
func TestRefusedFieldsThatAreThereNeedAnUpsert(t *testing.T) {
	h := fresh(Policy{Resolve: true}, None)
	if h.Unneeded() != Unchanged {
		t.Error("nothing was suspended, and it resumes")
	}
	refused(class.BadFields, class.RouteUpsert)(h)
	h.Begin(false, at(30))
	if h.FieldsFound() != Unchanged || h.Reason() != Fields || !h.Permit(at(30)).Probe {
		t.Fatalf("fields that are there end the suspension before an upsert was taken: %q", h.Reason())
	}
	if route, write := h.Write(); route != class.RouteUpsert || !write {
		t.Errorf("the next request is %q (%v)", route, write)
	}
	if h.Tried(at(31)); h.Permit(at(60)).Probe {
		t.Error("a second upsert is tried before thirty seconds have passed")
	}
	if h.Unneeded() != Resumed {
		t.Error("no upsert is needed any more, and it stays suspended")
	}
}

// Whether anything can be sent or read at all.
func TestWhatASuspensionLeaves(t *testing.T) {
	for _, c := range []struct {
		reason               Reason
		sends, reads, probes bool
	}{{None, true, true, false}, {Consent, false, true, false}, {Key, false, false, true}, {List, false, true, true}} {
		if h := fresh(Policy{}, c.reason); h.Sends() != c.sends || h.Reads() != c.reads || h.Probes() != c.probes {
			t.Errorf("%q: sends %v, reads %v, probes %v", c.reason, h.Sends(), h.Reads(), h.Probes())
		}
	}
}

// After a look that found nothing wrong, fields that are not known have to be asked for, and nothing is sent before.
func TestALookThatFindsFieldsMissing(t *testing.T) {
	h := fresh(Policy{Check: true, Resolve: true}, None)
	if h.FieldsMissing() != Unchanged {
		t.Error("the look is to tell what is missing from what could not be asked")
	}
	h.BeginCheck()
	if _, fields := h.Checked(None, false, at(0)); !fields {
		t.Fatal("the fields are not asked for")
	}
	if permit := h.Permit(at(0)); permit != (Permit{}) {
		t.Errorf("meanwhile %+v", permit)
	}
	h.Looked(false)
	if permit := h.Permit(at(0)); permit != (Permit{Check: true}) {
		t.Errorf("afterwards %+v", permit)
	}
}
