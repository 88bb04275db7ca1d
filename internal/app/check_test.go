package app

import (
	"strings"
	"testing"

	"rollcall/internal/sendgrid/simulator"
)

// What `consumer check` finds wrong with a destination suspends it before its first request that changes anything, and
// events are taken over all the same; once it is put right, what is owed goes.
func TestADestinationThatACheckFindsWrongIsSuspendedBeforeItsFirstRequest(t *testing.T) {
	t.Parallel()
	none := func(text string) string { return text }
	for reason, c := range map[string]struct {
		file  func(string) string
		wrong func(*simulator.Simulator)
		right func(*simulator.Simulator)
	}{
		"key":       {none, func(s *simulator.Simulator) { s.Revoke(true) }, func(s *simulator.Simulator) { s.Revoke(false) }},
		"forbidden": {none, failing(simulator.Fault{Kind: "status", Status: 403}), failing()},
		"fields": {
			func(text string) string {
				return text + "    mapping: {email: email, custom_fields: {tier: tier}}\n"
			},
			func(*simulator.Simulator) {}, func(s *simulator.Simulator) { s.AddField("tier", "Text") },
		},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			g := newGround(t, "d0")
			c.wrong(g.sim)
			a := g.start("a", g.file(c.file, "d0"))
			g.enter("p1")
			eventually(t, "suspended, and the event is taken over", func() bool {
				st, _ := a.Stats("d0")
				return st.Suspended == reason && st.Cursor == 1
			})
			for _, request := range g.sim.Requests() {
				if !strings.HasPrefix(request.Route, "GET ") {
					t.Errorf("before it was found in order: %s", request.Route)
				}
			}
			c.right(g.sim)
			eventually(t, "the contact is on the list", func() bool { return g.listed("d0") == 1 })
		})
	}
}

func failing(plan ...simulator.Fault) func(*simulator.Simulator) {
	return func(s *simulator.Simulator) {
		if err := s.SetFaults(plan); err != nil {
			panic(err)
		}
	}
}

// SendGrid away at the start suspends nothing: it is waited for.
func TestSendGridAwayAtTheStartSuspendsNothing(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	failing(simulator.Fault{Kind: "status", Status: 503, Count: 6})(g.sim)
	a := g.start("a", g.file(func(text string) string {
		return text + "    mapping: {email: email, custom_fields: {tier: tier}}\n"
	}, "d0"))
	g.sim.AddField("tier", "Text")
	g.enter("p1")
	eventually(t, "the contact is on the list", func() bool {
		if st, _ := a.Stats("d0"); st.Suspended != "" {
			t.Fatalf("suspended: %s", st.Suspended)
		}
		return g.listed("d0") == 1
	})
	if n := len(g.sim.Requests()); n < 7 {
		t.Errorf("%d requests: it was never away", n)
	}
}
