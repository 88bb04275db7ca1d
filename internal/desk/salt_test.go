package desk_test

import (
	"bytes"
	"testing"

	"rollcall/internal/desk"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// H35: a backup that is restored over another installation, after the disks were lost, still knows who was erased.
func TestABackupsTombstonesMatchOnAnotherInstallation(t *testing.T) {
	apply := func(s *state.State, recs ...record.Record) {
		t.Helper()
		entry := record.NewEntry(nil)
		for _, r := range recs {
			entry = record.AppendRecord(entry, r)
		}
		if err := s.Apply(entry); err != nil {
			t.Fatal(err)
		}
	}
	entered := func(sequence uint64) *record.Commit {
		rows := record.AppendRow(nil, &record.Row{}, &record.Row{
			Kind: record.RowMembership, Sequence: sequence, Profile: []byte("ada"), Entered: true, Carries: true, Email: []byte("ada@example.com"),
		})
		return &record.Commit{Cursor: sequence, Rows: rows}
	}
	before := state.NewState(state.Policy{}, []byte("the first installation's"))
	apply(before, &record.Claim{Epoch: 1, Binding: record.Binding{Segments: []string{"a"}}}, entered(1))
	if !before.Look([]byte("ada@example.com")).Desired {
		t.Fatal("she is not desired before her erasure")
	}
	apply(before, &record.Commit{Cursor: 9, Rows: record.AppendRow(nil, &record.Row{}, &record.Row{Kind: record.RowErased, Sequence: 9, Profile: []byte("ada")})})

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
