package cli

import (
	"path/filepath"
	"testing"

	"rollcall/internal/control"
)

// Every command that changes something is an entry of the ledger: who gave it, when, and why. A retry that changes something is in
// TestDeadLettersAreRetriedAfterAMappingFix, a rebase in TestAStreamThatWasMadeAnewIsRebased; a removal takes the ledger with it.
func TestEveryCommandThatChangesSomethingIsInTheLedger(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{guard: "{min_removals: 1, max_removal_share: 0.1}"})
	s.start()
	s.active()
	s.enter("Ada", "Grace", "Alan", "Edsger")
	s.event("high-value", "blaise", `{"first_name":"Blaise"}`)
	s.settled(4)
	s.until("a letter", func() bool { return s.status().DeadLetters["no_email"] == 1 })
	s.sim.Alter("stranger@example.com", s.list, true, nil)
	s.sim.Alter("alan@example.com", s.list, false, nil)
	backup := filepath.Join(s.dir, "newsletter.backup")
	s.must("ledger", "backup", "newsletter", backup)
	given := []struct {
		name    string
		command []string
	}{
		{"pause", []string{"pause", "newsletter"}},
		{"resume", []string{"resume", "newsletter"}},
		{"flush", []string{"flush", "newsletter"}},
		{"discard", []string{"dead-letters", "discard", "newsletter", "--sequence", "5", "--yes"}},
		{"repair", []string{"verify", "newsletter", "--repair", "--yes"}},
		{"replay", []string{"replay", "newsletter", "--from-sequence", "1", "--force", "--yes"}},
		{"adopt", []string{"verify", "newsletter", "--adopt", "--yes"}},
		{"approve", []string{"approve", "newsletter", "--yes"}},
	}
	for n, g := range given {
		switch g.name {
		case "repair":
			s.until("nothing is owed", func() bool { return owesNothing(s.status()) })
		case "approve":
			for _, name := range []string{"ada", "grace", "alan", "edsger"} {
				s.event("high-value", name, "")
			}
			s.until("held", func() bool { return s.status().Held > 1 })
		}
		s.run(append(g.command, "--comment", "because of "+g.name)...)
		var answer control.LedgerAnswer
		s.json(&answer, "ledger", "commands", "newsletter")
		if len(answer.Commands) != n+1 {
			t.Fatalf("after %s the ledger has %d commands, want %d: %+v", g.name, len(answer.Commands), n+1, answer.Commands)
		}
		if c := answer.Commands[n]; c.Name != g.name || c.Who != control.Who() || c.At == 0 || c.Comment != "because of "+g.name {
			t.Errorf("%s is in the ledger as %+v", g.name, c)
		}
	}
	s.stop()
	s.must("ledger", "restore", "newsletter", backup, "--yes", "--comment", "because of restore")
	var answer control.LedgerAnswer
	s.json(&answer, "ledger", "commands", "newsletter")
	if c := answer.Commands; len(c) != 1 || c[0].Name != "restore" || c[0].Who != control.Who() || c[0].Comment != "because of restore" {
		t.Errorf("restore is in the ledger as %+v", c)
	}
}
