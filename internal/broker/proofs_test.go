package broker_test

import (
	"fmt"
	"testing"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

func proofBody(sequence int, began, time string) string {
	return fmt.Sprintf(`{"kind":"erasure","sequence":%d,"began":%q,"time":%q}`, sequence, began, time)
}

// The proof of an erasure is kept where nothing ages, once, however often it is published; other receipts are not.
func TestTheProofOfAnErasureIsKeptOnceBesideTheReceipts(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	first := proofBody(3, "2026-11-01T10:00:00.5Z", "2026-11-01T10:01:00Z")
	again := proofBody(3, "2026-11-01T10:00:00.5Z", "2026-11-01T10:02:00Z")   // of whoever took over before the first was noted
	another := proofBody(3, "2026-11-09T10:00:00.5Z", "2026-11-09T10:01:00Z") // of a stream that was made again
	for _, body := range []string{first, again, `{"kind":"job","batch":1}`, another} {
		if err := c.PublishReceipt(t.Context(), "d", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	read := func(stream, subject string) (got []string) {
		t.Helper()
		err := c.ReadRange(t.Context(), broker.Range{Stream: stream, Filters: []string{subject}}, func(m broker.Message) error {
			got = append(got, string(m.Body))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(broker.LedgerStream, broker.ProofSubjects("d")); len(got) != 2 || got[0] != first || got[1] != another {
		t.Errorf("kept: %v", got)
	}
	if got := read(broker.ReceiptStream, "rollcall.receipts.d"); len(got) != 4 {
		t.Errorf("%d receipts, want all 4", len(got))
	}
	if ids, err := c.LedgerDestinations(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("proofs make destinations: %v, %v", ids, err)
	}
}
