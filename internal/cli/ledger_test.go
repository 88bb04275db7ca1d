package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/testkit"
)

// I13: what a fresh process loads equals the active replica's memory, and a snapshot holds all of it.
func TestTheLedgerIsCheckedDumpedAndKnowsItsCommands(t *testing.T) {
	s := newSystem(t, setting{})
	s.start()
	s.active()
	golden(t, "commands-none.txt", s.must("ledger", "commands", "newsletter"))
	s.enter("Ada", "Grace", "Alan")
	s.settled(3)
	s.event("high-value", "alan", "")
	s.settled(2)
	s.must("pause", "newsletter", "--comment", "maintenance")
	s.must("resume", "newsletter")
	var given control.LedgerAnswer
	s.json(&given, "ledger", "commands", "newsletter")
	if c := given.Commands; len(c) != 2 || c[0].Name != "pause" || c[0].Comment != "maintenance" || c[0].Who != control.Who() || c[0].At == 0 || c[1].Name != "resume" {
		t.Errorf("commands: %+v", c)
	}
	var check ledgerCheck
	s.json(&check, "ledger", "check", "newsletter")
	if check.Active != string(passed) || check.Snapshot != string(passed) || check.Listed != 2 || check.Cursor != 4 {
		t.Errorf("check: %+v", check)
	}
	dump := s.must("ledger", "dump", "newsletter")
	for _, kind := range []string{"Claim", "Commit", "Intent", "Accepted", "Settled", "Command"} {
		if !strings.Contains(dump, `"kind":"`+kind+`"`) {
			t.Errorf("the dump has no %s", kind)
		}
	}
	testkit.Unnamed(t, []byte(dump), planted...)
	if revealed := s.must("ledger", "dump", "newsletter", "--reveal"); !strings.Contains(revealed, "ada@example.com") {
		t.Error("a revealed dump names nobody")
	}
	s.stop()
	s.json(&check, "ledger", "check", "newsletter")
	if check.Active != string(unseen) || check.Snapshot != string(passed) {
		t.Errorf("without a consumer: %+v", check)
	}
}

// The ledger was restored from yesterday: what happened since is read again from the stream.
func TestAnOlderBackupIsRestoredAndCatchesUp(t *testing.T) {
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada", "Grace")
	s.settled(2)
	path := filepath.Join(s.dir, "newsletter.backup")
	golden(t, "backup.txt", strings.ReplaceAll(s.must("ledger", "backup", "newsletter", path), path, "FILE"))
	if status, _, errs := s.run("ledger", "backup", "newsletter", path); status != int(Failed) || !strings.Contains(errs, "exists") {
		t.Errorf("a backup over another: %d %s", status, errs)
	}
	s.event("high-value", "grace", "")
	s.enter("Alan")
	s.until("Grace left, Alan came", func() bool { return slices.Equal(s.onList(), []string{"ada@example.com", "alan@example.com"}) })
	s.settled(2)
	if status, _, errs := s.run("ledger", "restore", "newsletter", path, "--yes"); status != int(Failed) || !strings.Contains(errs, "is active on host-1") {
		t.Errorf("beside an active replica: %d %s", status, errs)
	}
	s.stop()
	s.must("ledger", "restore", "newsletter", path, "--yes", "--comment", "restored from yesterday")
	if a := s.status(); a.Listed != 2 || a.Cursor != 2 {
		t.Errorf("restored: %+v", a)
	}
	s.start()
	s.active()
	s.until("caught up", func() bool { a := s.status(); return a.Cursor == 4 && a.Dirty == 0 })
	if got := s.onList(); !slices.Equal(got, []string{"ada@example.com", "alan@example.com"}) {
		t.Errorf("on the list: %d contacts", len(got))
	}
	var given control.LedgerAnswer
	s.json(&given, "ledger", "commands", "newsletter")
	if c := given.Commands; len(c) != 1 || c[0].Name != "restore" || c[0].Comment != "restored from yesterday" {
		t.Errorf("commands: %+v", c)
	}
}

// H11: the event stream was made anew. It is suspended, says what helps, and goes on after rebase: who is not
// on the new stream leaves.
func TestAStreamThatWasMadeAnewIsRebased(t *testing.T) {
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada", "Grace", "Alan")
	s.settled(3)
	if status, _, errs := s.run("rebase", "newsletter", "--yes"); status != int(Failed) || !strings.Contains(errs, "is active on host-1") {
		t.Errorf("beside an active replica: %d %s", status, errs)
	}
	s.stop()
	if status, _, errs := s.run("rebase", "newsletter", "--yes"); status != int(No) || !strings.Contains(errs, "nothing to rebase") {
		t.Errorf("over the same stream: %d %s", status, errs)
	}
	if err := s.conn.JS.DeleteStream(t.Context(), broker.DefaultEventStream); err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.EnsureEventStream(t.Context(), broker.DefaultEventStream, 1); err != nil {
		t.Fatal(err)
	}
	s.enter("Ada")
	s.start()
	s.until("suspended", func() bool { return s.status().Reason == "stream_changed" })
	text := s.must("status")
	golden(t, "status-stream-changed.txt", text)
	s.must("rebase", "newsletter", "--yes", "--comment", "published again")
	s.until("the others left", func() bool { return slices.Equal(s.onList(), []string{"ada@example.com"}) })
	s.settled(1)
	s.enter("Grace")
	s.settled(2)
}
