package record

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/contact"
)

func everyRecord() []Record {
	rows := AppendRow(nil, &Row{}, &Row{
		Kind: RowMembership, Entered: true, Carries: true, Bad: true, Segment: 2, Sequence: 9, Time: 5,
		Profile: []byte("p"), Email: []byte("e@x"), Fields: []byte("f"),
	})
	rows = AppendRow(rows, &Row{Sequence: 9, Time: 5}, &Row{Kind: RowErased, Sequence: 4, Time: 2, Profile: []byte("q"), Emails: [][]byte{[]byte("a@x")}})
	rows = AppendRow(rows, &Row{Sequence: 4, Time: 2}, &Row{Kind: RowRefreshed, Segment: 1, Sequence: 11, First: 3, Count: 7, Until: 12})
	handles := []contact.Handle{7, 3, 900}
	return []Record{
		&Claim{Epoch: 3, Replica: "r", Binding: Binding{List: "l", Segments: []string{"a"}}},
		&Commit{At: -1, Cursor: 12, Time: 8, Events: 3, Rows: rows},
		&Reread{At: 4, Rows: rows},
		&Intent{Batch: 4, Operation: contact.Remove, At: 9, Tries: 1, Exempt: true, Handles: handles},
		&Accepted{Batch: 4, At: 10, Job: "j"},
		&NoEffect{Batch: 4, At: 1, Due: 2, Only: handles, Refused: []Refusal{{7, "bad"}}},
		&Doubt{Batch: 4, Until: 77},
		&Settled{Batch: 4, At: 5, All: Applied, Exceptions: []Exception{{7, Rejected, "why"}, {3, OffList, ""}}},
		&Wait{Handles: handles}, &Hold{At: 2, Handles: handles}, &Absent{At: 3, Handles: handles},
		&Judge{Sequence: 11, Segment: 3, Verdict: RefreshAccepted, At: 3}, &Command{Name: "pause", Who: "w", At: 2, Count: 5},
		&Forget{Before: 99}, &Erased{Handles: handles},
		&Erasure{At: 3, Sequence: 12, Stage: Purging},
		&Erasure{At: 3, Sequence: 12, Stage: Purging, Note: &ErasureNote{Letters: []uint64{4}, Events: []uint64{5, 9}, Next: 10, Kept: true, Until: 7, Owed: []string{"e"}}}, &Faded{At: 9, Handles: handles},
		&Fill{At: 8, Next: 40, Done: true, Rows: rows},
		&Retry{At: 5, Handles: handles}, &Stand{At: 6, Listed: handles, Unlisted: handles, Adopted: [][]byte{[]byte("a@x"), []byte("b@x")}},
		&Rebase{At: 7, Stream: "S", StreamCreated: 9, Last: 40},
		&Replay{ID: "r1", At: 8, From: 1, To: 9, Profile: []byte("p"), Force: true, Share: 0.2, Position: 4, State: "running"},
		&Refold{At: 9, Force: true, Rows: rows},
	}
}

// I13: what is written is what is read back, of every kind of record.
func TestEveryRecordReadsBackAsItWasWritten(t *testing.T) {
	entry := NewEntry(nil)
	want := everyRecord()
	for _, r := range want {
		entry = AppendRecord(entry, r)
	}
	var got []Record
	if err := Records(entry, func(r Record) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	var sequences []uint64
	if err := Rows(want[1].(*Commit).Rows, func(r *Row) { sequences = append(sequences, r.Sequence) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{9, 4, 11}, sequences); diff != "" {
		t.Fatal(diff)
	}
}

func TestARecordOfANewerBuildIsRefusedAndNeverPassedOver(t *testing.T) {
	entry := append(NewEntry(nil), 200, 0, 0, 0, 0)
	if err := Records(entry, func(Record) error { return nil }); !errors.Is(err, ErrUnknownRecord) {
		t.Fatalf("got %v, want %v", err, ErrUnknownRecord)
	}
}

func FuzzRecords(f *testing.F) {
	for _, r := range everyRecord() {
		f.Add(AppendRecord(NewEntry(nil), r))
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		_ = Records(entry, func(r Record) error {
			if c, ok := r.(*Commit); ok {
				_ = Rows(c.Rows, func(*Row) {})
			}
			return nil
		})
	})
}

func BenchmarkAppendAndReadRows(b *testing.B) {
	row := Row{
		Kind: RowMembership, Entered: true, Carries: true, Sequence: 9, Time: 5, Profile: []byte("0123456789abcdef0123456789abcdef"),
		Email: []byte("somebody.somewhere@example.com"), Fields: make([]byte, 40),
	}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = AppendRow(buf[:0], &row, &row)
		_ = Rows(buf, func(*Row) {})
	}
}
