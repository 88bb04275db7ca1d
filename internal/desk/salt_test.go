package desk_test

import (
	"bytes"
	"testing"

	"rollcall/internal/desk"
	"rollcall/internal/ledger"
	"rollcall/internal/state"
)

// H35: a backup that is restored over another installation, after the disks were lost, still knows who was erased.
func TestABackupsTombstonesMatchOnAnotherInstallation(t *testing.T) {
	apply := func(s *state.State, recs ...ledger.Record) {
		t.Helper()
		entry := ledger.NewEntry(nil)
		for _, r := range recs {
			entry = ledger.AppendRecord(entry, r)
		}
		if err := s.Apply(entry); err != nil {
			t.Fatal(err)
		}
	}
	entered := func(sequence uint64) *ledger.Commit {
		rows := ledger.AppendRow(nil, &ledger.Row{}, &ledger.Row{
			Kind: ledger.RowMembership, Sequence: sequence, Profile: []byte("ada"), Entered: true, Carries: true, Email: []byte("ada@example.com"),
		})
		return &ledger.Commit{Cursor: sequence, Rows: rows}
	}
	before := state.NewState(state.Policy{}, []byte("the first installation's"))
	apply(before, &ledger.Claim{Epoch: 1, Binding: ledger.Binding{Segments: []string{"a"}}}, entered(1))
	if !before.Look([]byte("ada@example.com")).Desired {
		t.Fatal("she is not desired before her erasure")
	}
	apply(before, &ledger.Commit{Cursor: 9, Rows: ledger.AppendRow(nil, &ledger.Row{}, &ledger.Row{Kind: ledger.RowErased, Sequence: 9, Profile: []byte("ada")})})

	var file bytes.Buffer
	if _, err := desk.WriteBackup(before, desk.Backup{Destination: "d"}, &file); err != nil {
		t.Fatal(err)
	}
	after := state.NewState(state.Policy{}, []byte("the second installation's"))
	if _, err := desk.ReadBackup(&file, after); err != nil {
		t.Fatal(err)
	}
	if after.Saltless() || after.Tombstones() != 1 {
		t.Errorf("saltless: %v, tombstones: %d", after.Saltless(), after.Tombstones())
	}
	apply(after, entered(5))
	if after.Look([]byte("ada@example.com")).Desired {
		t.Error("an event from before the erasure brings her back")
	}
	apply(after, entered(10))
	if !after.Look([]byte("ada@example.com")).Desired {
		t.Error("an event from after it makes no new person")
	}
}
