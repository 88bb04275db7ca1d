package pipeline

import (
	"strings"
	"testing"

	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
)

// entries empties the outbox as the loop does, and fails where an entry is larger than the broker takes.
func entries(t *testing.T, l *loop) (all []record.Record) {
	t.Helper()
	for len(l.outbox) > 0 {
		before := len(l.outbox)
		entry, _ := l.outcomes(record.NewEntry(nil))
		if len(entry) > ledger.MaxEntry {
			t.Fatalf("an entry has %d bytes, the most is %d", len(entry), ledger.MaxEntry)
		}
		if len(l.outbox) == before {
			t.Fatal("an entry takes nothing")
		}
		if err := record.Records(entry, func(rec record.Record) error { all = append(all, rec); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Outcomes whose reasons are long are divided among entries that the broker takes, and none is lost.
func TestOutcomesWithLongReasonsFitTheirEntries(t *testing.T) {
	for name, reason := range map[string]string{
		"none": "", "short": "not valid", "long": strings.Repeat("ä", 250), "endless": strings.Repeat("ä", 40_000),
	} {
		t.Run(name, func(t *testing.T) {
			const n = 7000
			l := &loop{Destination: New(Options{})}
			var exceptions []record.Exception
			var refusals []record.Refusal
			for h := contact.Handle(1); h <= n; h++ {
				exceptions = append(exceptions, record.Exception{Handle: h, Finding: record.Rejected, Reason: reason})
				refusals = append(refusals, record.Refusal{Handle: h, Reason: reason})
			}
			l.outbox = append(l.outbox, parts(1, 1, exceptions)...)
			l.without(&record.Intent{Batch: 2}, refusals)
			settled, refused, ends := map[contact.Handle]int{}, map[contact.Handle]int{}, 0
			for _, rec := range entries(t, l) {
				switch r := rec.(type) {
				case *record.Settled:
					for _, e := range r.Exceptions {
						settled[e.Handle]++
					}
				case *record.NoEffect:
					for _, e := range r.Refused {
						refused[e.Handle]++
					}
					if len(r.Only) == 0 {
						ends++
					} else if len(r.Only) != len(r.Refused) {
						t.Errorf("a record ends %d contacts and refuses %d", len(r.Only), len(r.Refused))
					}
				}
			}
			if len(settled) != n || len(refused) != n || ends != 1 {
				t.Errorf("%d of %d are settled, %d refused, the batch is ended %d times", len(settled), n, len(refused), ends)
			}
		})
	}
}

// A record of almost a whole entry does not go beside others.
func TestALargeOutcomeHasAnEntryOfItsOwn(t *testing.T) {
	l := &loop{Destination: New(Options{})}
	rows := make([]byte, commitBytes)
	for range 3 {
		l.outbox = append(l.outbox, &record.Reread{Rows: rows[:380<<10]}, &record.Reread{Rows: rows})
	}
	if n := len(entries(t, l)); n != 6 {
		t.Errorf("%d records are in the entries, want 6", n)
	}
}
