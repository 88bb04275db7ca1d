package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/internal/desk"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// saltless writes a backup as earlier releases did: without the salt of its one tombstone.
func (s *system) saltless(at time.Time) string {
	s.t.Helper()
	state := state.NewState(state.Policy{}, nil)
	entry := record.AppendRecord(record.NewEntry(nil), &record.Commit{
		Cursor: 1, Rows: record.AppendRow(nil, &record.Row{}, &record.Row{Kind: record.RowErased, Sequence: 1, Profile: []byte("ada")}),
	})
	if err := state.Apply(entry); err != nil {
		s.t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := desk.WriteBackup(state, desk.Backup{Destination: "newsletter", Time: at}, &file); err != nil {
		s.t.Fatal(err)
	}
	path := filepath.Join(s.dir, at.Format("20060102")+".backup")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// H35: an earlier release's backup has no salt. Over the installation that it was made with nothing is lost; over a younger one,
// after lost disks, its tombstones match nobody: the restore says so, and `ledger check` as long as that is so.
func TestABackupWithoutItsSaltIsToldWhereItMatters(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.stop()
	_, _, errs := s.run("ledger", "restore", "newsletter", s.saltless(time.Now().Add(24*time.Hour)), "--yes")
	if strings.Contains(errs, "salt") {
		t.Errorf("over its own installation: %s", errs)
	}
	if out := s.must("ledger", "check", "newsletter"); !strings.Contains(out, "salt      passed") {
		t.Errorf("over its own installation, check says: %s", out)
	}
	status, _, errs := s.run("ledger", "restore", "newsletter", s.saltless(time.Now().Add(-24*time.Hour)), "--yes")
	if status != int(Done) || !strings.Contains(errs, "1 tombstone") || !strings.Contains(errs, "publisher erase") {
		t.Errorf("over a younger installation: %d %s", status, errs)
	}
	if status, out, _ := s.run("ledger", "check", "newsletter"); status != int(No) || !strings.Contains(out, "salt      lost: 1 tombstone") {
		t.Errorf("over a younger installation, check says: %d %s", status, out)
	}
}
