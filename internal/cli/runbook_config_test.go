package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/sendgrid/simulator"
)

// Both ways of a wrong selection: a segment that should not be there, and one that should not have gone.
func TestRunbookAWrongSegmentWasSelected(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{guard: "{interval: 1h, min_removals: 1, max_removal_share: 0.1}"})
	p := s.situation("A wrong segment was selected")
	s.consume()
	s.enter("Ada")
	for _, name := range []string{"Grace", "Alan", "Edsger"} {
		s.event("newsletter-optin", strings.ToLower(name), person(name))
	}
	s.settled(4)
	held := func() {
		s.until("held", func() bool { a := s.status(); return a.HeldRemovals == 3 && owesNothing(a) })
	}
	both, one := "segments: [high-value, newsletter-optin]", "segments: [high-value]"
	p.restart("newsletter-optin is taken out of segments", both, one)
	held()
	p.play("consumer status newsletter")
	p.play("consumer explain newsletter grace@example.com")
	p.cut()
	p.restart("newsletter-optin is put back", one, both)
	s.until("nothing is held", func() bool { a := s.status(); return a.State == "running" && a.Held == 0 && owesNothing(a) })
	p.play("consumer status newsletter")
	if n := len(s.onList()); n != 4 {
		t.Errorf("%d contacts on the list: somebody left", n)
	}
	p.cut()
	p.restart("newsletter-optin is taken out of segments, and that is meant", both, one)
	held()
	p.play("consumer approve newsletter --comment 'the opt-in list has moved'")
	s.settled(1)
	p.play("consumer explain newsletter grace@example.com --live")
	if got := s.onList(); !slices.Equal(got, []string{"ada@example.com"}) {
		t.Errorf("%d contacts on the list", len(got))
	}
}

// A refresh that lost most of its members is held whole, and the right one replaces it.
func TestRunbookAWrongSegmentWasPublished(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{guard: "{interval: 1h, min_removals: 1, max_removal_share: 0.1}"})
	p := s.situation("A wrong segment was published")
	s.consume()
	s.enter("Ada", "Grace", "Alan", "Edsger")
	s.settled(4)
	p.file("people.csv", "profile_id,email,first_name,country\nada,ada@example.com,Ada,GB\n")
	p.play("publisher refresh --segment high-value people.csv")
	s.until("held", func() bool { a := s.status(); return a.HeldRemovals == 3 && a.Cursor == 6 && owesNothing(a) })
	p.play("consumer status newsletter")
	p.cut()
	p.file("people.csv", "profile_id,email,first_name,country\nada,ada@example.com,Ada,GB\ngrace,grace@example.com,Grace,GB\nalan,alan@example.com,Alan,GB\nedsger,edsger@example.com,Edsger,GB\n")
	p.play("publisher refresh --segment high-value people.csv")
	s.until("nothing is held", func() bool {
		a := s.status()
		return a.HeldRemovals == 0 && a.State == "running" && a.Cursor == 11 && owesNothing(a)
	})
	p.play("consumer status newsletter")
	if n := len(s.onList()); n != 4 {
		t.Errorf("%d contacts on the list: somebody left", n)
	}
}

// I5: the cap fills up with warnings, who comes late waits, and the first in line is the first admitted.
func TestRunbookTheCapIsReached(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{limit: 20})
	p := s.situation("The cap is reached")
	s.consume()
	for n := range 16 {
		s.enter(fmt.Sprintf("Member%d", n))
	}
	s.settled(16)
	if out := s.must("status", "newsletter"); !strings.Contains(out, "cap       above 80 %: 4 slots are left") {
		t.Errorf("at 80 %%:\n%s", out)
	}
	s.enter("Edsger", "Barbara", "Katherine")
	s.settled(19)
	p.play("consumer status newsletter")
	s.enter("Ada", "Grace", "Alan")
	full := func(waiting int) func() bool {
		return func() bool { a := s.status(); return a.Waiting == waiting && owesNothing(a) }
	}
	s.until("full", full(2))
	p.happens("three more enter")
	p.play("consumer status newsletter")
	p.play("consumer waiting newsletter")
	p.cut()
	p.restart("profile_cap is raised from 20 to 21", "profile_cap: 20", "profile_cap: 21")
	s.until("the next one is admitted", full(1))
	p.play("consumer waiting newsletter")
	p.play("consumer explain newsletter grace@example.com")
	if got := s.onList(); !slices.Contains(got, "grace@example.com") || slices.Contains(got, "alan@example.com") || len(got) != 21 {
		t.Errorf("%d on the list: not the first in line was admitted", len(got))
	}
	p.restart("profile_cap is raised to 1,000", "profile_cap: 21", "profile_cap: 1000")
	s.settled(22)
	p.play("consumer waiting newsletter")
	s.stop()
	if !strings.Contains(s.said, `"percent":100`) {
		t.Error("the log does not warn")
	}
}

// The wrong mapping's letters are retried after the correction, and the others are sent what it changes.
func TestRunbookAMappingWasWrongForAWeek(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{more: "    mapping: {email: mail, first_name: firstname}\n"})
	p := s.situation("A mapping was wrong for a week")
	s.consume()
	s.enter("Ada", "Grace")
	s.event("high-value", "alan", `{"mail":"alan@example.com","email":"alan@example.com","first_name":"Alan"}`)
	s.settled(1)
	s.until("letters", func() bool { return s.status().DeadLetters["no_email"] == 2 })
	p.play("consumer dead-letters newsletter")
	p.play("consumer explain newsletter ada")
	p.cut()
	p.restart("the mapping is corrected", "mapping: {email: mail, first_name: firstname}", "mapping: {email: email, first_name: first_name}")
	s.settled(3)
	p.play("consumer explain newsletter ada")
	p.play("consumer dead-letters retry newsletter --reason no_email --comment 'mapping corrected'")
	p.play("consumer dead-letters newsletter")
	names := map[string]string{}
	s.sim.Contacts(s.list, func(c simulator.Contact) { names[c.Email] = c.Fields["first_name"] })
	if names["alan@example.com"] != "Alan" || names["ada@example.com"] != "Ada" {
		t.Errorf("%d contacts, not with the corrected fields", len(names))
	}
}
