package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/desk/check"
	"rollcall/internal/testkit"
)

// I13: what a fresh process loads equals the active replica's memory, and a snapshot holds all of it.
func TestTheLedgerIsCheckedDumpedAndKnowsItsCommands(t *testing.T) {
	t.Parallel()
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
	var checked ledgerCheck
	s.json(&checked, "ledger", "check", "newsletter")
	if checked.Active != string(check.Passed) || checked.Snapshot != string(check.Passed) || checked.Listed != 2 || checked.Cursor != 4 {
		t.Errorf("check: %+v", checked)
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
	s.json(&checked, "ledger", "check", "newsletter")
	if checked.Active != string(check.Unseen) || checked.Snapshot != string(check.Passed) {
		t.Errorf("without a consumer: %+v", checked)
	}
}

// The ledger was restored from yesterday: what happened since is read again from the stream.
func TestAnOlderBackupIsRestoredAndCatchesUp(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	var given control.LedgerAnswer
	s.json(&given, "ledger", "commands", "newsletter")
	if last := given.Commands[len(given.Commands)-1]; last.Name != "rebase" || last.Who != control.Who() || last.Comment != "published again" {
		t.Errorf("the rebase is in the ledger as %+v", last)
	}
	s.enter("Grace")
	s.settled(2)
}

// A destination that left the configuration is orphaned, and removed with its contacts; foreign members stay.
func TestAnOrphanIsRemovedWithItsContacts(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.sim.Alter("stranger@example.com", s.list, true, nil)
	s.start()
	s.active()
	s.enter("Ada", "Grace")
	s.settled(2)
	if status, _, errs := s.run("remove", "newsletter", "--yes"); status != int(Failed) || !strings.Contains(errs, "in the configuration of host-1") {
		t.Errorf("one that is configured: %d %s", status, errs)
	}
	s.stop()
	s.rename("other")
	golden(t, "status-orphaned.txt", s.must("status"))
	if text := s.must("status", "newsletter"); !strings.HasPrefix(text, "newsletter\n  state     orphaned") || strings.Contains(text, "other") {
		t.Errorf("asked for by its name: %s", text)
	}
	if status, _, errs := s.run("waiting", "newsletter"); status != int(Misuse) || !strings.Contains(errs, "or it is an orphan; see consumer status newsletter") {
		t.Errorf("a reader of an orphan: %d %s", status, errs)
	}
	if status, _, errs := s.run("remove", "newsletter", "--contacts"); status != int(Misuse) || !strings.Contains(errs, "--account") {
		t.Errorf("without an account: %d %s", status, errs)
	}
	s.must("remove", "newsletter", "--contacts", "--account", "acme", "--yes", "--comment", "the newsletter ended")
	if got := s.onList(); !slices.Equal(got, []string{"stranger@example.com"}) {
		t.Errorf("%d contacts are left on the list", len(got))
	}
	if text := s.must("status"); strings.Contains(text, "orphaned") {
		t.Errorf("still there: %s", text)
	}
	if status, _, errs := s.run("remove", "newsletter", "--yes"); status != int(No) || !strings.Contains(errs, "knows no destination") {
		t.Errorf("removed twice: %d %s", status, errs)
	}
}

// A destination that is paused, and whose removals the guard holds, is removed with its contacts all the same: who removes it
// has decided.
func TestAPausedAndHeldOrphanIsRemovedWithItsContacts(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{guard: "{interval: 1h, min_removals: 1, max_removal_share: 0.1}"})
	s.start()
	s.active()
	names := []string{"Ada", "Grace", "Alan", "Edsger"}
	s.enter(names...)
	s.settled(4)
	for _, name := range names[1:] {
		s.event("high-value", strings.ToLower(name), "")
	}
	s.until("held", func() bool { a := s.status(); return a.Held == 2 && owesNothing(a) })
	s.must("pause", "newsletter")
	s.stop()
	s.rename("other")
	s.must("remove", "newsletter", "--contacts", "--account", "acme", "--yes", "--comment", "the newsletter ended")
	if got := s.onList(); len(got) != 0 {
		t.Errorf("%d contacts are left on the list", len(got))
	}
}

// The way back from a lost ledger: what is left of it is abandoned, the stream is read again, and the list's
// members are adopted.
func TestALostLedgerBeginsAnewWithWhatTheListHolds(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada", "Grace")
	s.settled(2)
	s.stop()
	path := filepath.Join(s.dir, "newsletter.backup")
	s.must("ledger", "backup", "newsletter", path)
	s.must("ledger", "restore", "newsletter", path, "--yes") // leaves a snapshot
	stream, err := s.conn.JS.Stream(t.Context(), broker.LedgerStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("rollcall.ledger.newsletter")); err != nil {
		t.Fatal(err)
	}
	s.event("high-value", "grace", "") // and the new ledger never knew that she was listed
	s.start()
	s.until("suspended", func() bool { return s.status().Reason == "ledger_lost" })
	golden(t, "status-ledger-lost.txt", s.must("status"))
	if status, _, errs := s.run("verify", "newsletter"); status != int(Failed) || !strings.Contains(errs, "--adopt") {
		t.Errorf("without --adopt: %d %s", status, errs)
	}
	s.must("verify", "newsletter", "--adopt", "--yes", "--comment", "the broker's disk was replaced")
	s.until("only who is desired is listed", func() bool { return slices.Equal(s.onList(), []string{"ada@example.com"}) && s.status().Listed == 1 })
}
