package desk

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"rollcall/internal/control"
	"rollcall/internal/state"
)

var second = time.Date(2026, 11, 23, 13, 0, 7, 0, time.UTC)

// receiptFor is a job's receipt of a batch that was intended some time after the second.
func receiptFor(batch uint64, operation string, after time.Duration, refused int) []byte {
	began := second.Add(after)
	return fmt.Appendf(nil, `{"kind":"job","batch":%d,"operation":%q,"refused":%d,"time":%q,"intent_at":%q,"applied_after_ms":60000}`,
		batch, operation, refused, began.Add(time.Minute+3*time.Millisecond).Format(time.RFC3339Nano), began.Format(time.RFC3339Nano))
}

// earlierReceipt is what a build wrote that gave no time of the intent.
func earlierReceipt(batch uint64, after time.Duration) []byte {
	return fmt.Appendf(nil, `{"kind":"job","batch":%d,"operation":"upsert","time":%q,"applied_after_ms":60000}`,
		batch, second.Add(after+time.Minute+3*time.Millisecond).Format(time.RFC3339Nano))
}

func TestReceiptsOfAContactAreThoseOfItsOwnBatchOrSecond(t *testing.T) {
	listed := state.ContactStory{Listed: true, State: "clean", Added: &second}
	refused, way, gone, adopted := listed, listed, listed, listed
	refused.State = "refused"
	way.Batch, way.State = 7, "on_the_way"
	gone.Listed = false
	adopted.Added = nil
	for _, c := range []struct {
		name    string
		contact state.ContactStory
		receipt []byte
		want    bool
	}{
		{"of its second", listed, receiptFor(7, "upsert", 0, 0), true},
		{"of its second's last millisecond", listed, receiptFor(7, "upsert", 999*time.Millisecond, 0), true},
		{"of the second after", listed, receiptFor(7, "upsert", time.Second, 0), false},
		{"of the second before", listed, receiptFor(7, "upsert", -time.Millisecond, 0), false},
		{"of a removal in its second", listed, receiptFor(7, "remove", 0, 0), false},
		{"of a deletion in its second", listed, receiptFor(7, "delete", 0, 0), false},
		{"refused, of a batch that refused nobody", refused, receiptFor(7, "upsert", 0, 0), false},
		{"refused, of a batch that refused somebody", refused, receiptFor(7, "upsert", 0, 1), true},
		{"on its way, of its batch, whenever", way, receiptFor(7, "remove", time.Hour, 0), true},
		{"on its way, of a neighbour in its second", way, receiptFor(8, "upsert", 0, 0), false},
		{"not on the list", gone, receiptFor(7, "upsert", 0, 0), false},
		{"never sent", adopted, receiptFor(7, "upsert", 0, 0), false},
		{"of an earlier build, of its second", listed, earlierReceipt(7, 999*time.Millisecond), true},
		{"of an earlier build, of the second before", listed, earlierReceipt(7, -100*time.Millisecond), false},
		{"of an earlier build, of the second after", listed, earlierReceipt(7, 1200*time.Millisecond), false},
		{"of something else", listed, []byte(`{"kind":"refresh","time":"2026-11-23T13:00:07Z"}`), false},
		{"unreadable", listed, []byte(`{`), false},
	} {
		contacts := []control.ContactAnswer{{ContactStory: c.contact}}
		addReceipt(contacts, c.receipt)
		if got := len(contacts[0].Receipts) == 1; got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

func TestReceiptsOfSeveralBatchesSayThatOneOfThemIsMeant(t *testing.T) {
	once := []json.RawMessage{receiptFor(7, "upsert", 0, 0), receiptFor(7, "upsert", 0, 0)} // published twice
	contacts := []control.ContactAnswer{{Receipts: once}, {Receipts: append(once, receiptFor(8, "upsert", 0, 0))}, {}}
	noteSeveral(contacts)
	for i, want := range []bool{false, true, false} {
		if got := contacts[i].ReceiptsNote != ""; got != want {
			t.Errorf("contact %d has a note: %t, want %t", i, got, want)
		}
	}
}
