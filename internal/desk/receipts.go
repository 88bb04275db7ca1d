package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/control"
)

// receiptShape is what is looked at of a receipt.
type receiptShape struct {
	Kind      string    `json:"kind"`
	Time      time.Time `json:"time"`
	Operation string    `json:"operation"`
	Batch     uint64    `json:"batch"`
	Refused   int       `json:"refused"`
	Intent    time.Time `json:"intent_at"`        // not in those of earlier builds
	Applied   int64     `json:"applied_after_ms"` // from the intent to Time
}

// receiptsWithin is how long after a request its receipt is looked for: jobs end within minutes.
const receiptsWithin = time.Hour

var errEnough = errors.New("enough read")

// addReceipts finds the receipts of the requests that sent the contacts last. It reads those of that time alone: a month of
// them would take seconds.
//
// While a contact is on its way its batch tells the receipt, exactly. Afterwards the ledger keeps of its last upsert the second
// of the intent alone: a batch's number for each contact would cost memory for ever. So its receipts are those of the upserts
// intended in that second, less those that cannot be its own (see about). Where that leaves several batches one of them is the
// contact's, and the answer's note says so; where it leaves one, that is the one.
func (d *Desk) addReceipts(ctx context.Context, contacts []control.ContactAnswer) error {
	var from, to time.Time
	for i := range contacts {
		if at := contacts[i].Added; at != nil {
			if from.IsZero() || at.Before(from) {
				from = *at
			}
			if at.After(to) {
				to = *at
			}
		}
	}
	if from.IsZero() {
		return nil
	}
	r := receiptsOf(d.Destination.ID)
	r.Since = from.Add(-time.Second)
	err := readReceipts(ctx, d.Conn, d.Destination.ID, r, func(m broker.Message) error {
		if m.Time.After(to.Add(receiptsWithin)) {
			return errEnough
		}
		addReceipt(contacts, m.Body)
		return nil
	})
	noteSeveral(contacts)
	return err
}

// noteSeveral says of which contacts the receipts are those of neighbours as well.
func noteSeveral(contacts []control.ContactAnswer) {
	for i := range contacts {
		if batchesOf(contacts[i].Receipts) > 1 {
			contacts[i].ReceiptsNote = "of several batches that were sent in one second: one of them had the contact"
		}
	}
}

// addReceipt adds a job's receipt to the contacts that it may be about.
func addReceipt(contacts []control.ContactAnswer, body []byte) {
	var r receiptShape
	if json.Unmarshal(body, &r) != nil || r.Kind != "job" {
		return
	}
	for i := range contacts {
		if r.about(&contacts[i]) {
			contacts[i].Receipts = append(contacts[i].Receipts, json.RawMessage(body))
		}
	}
}

// late is how much later than it was a receipt without the intent's time may say that it was: its own time is rounded up, and
// taken after what it is reckoned from.
const late = 100 * time.Millisecond

// about reports whether the receipt may be of the batch that sent the contact last. A contact is not refused by a batch of
// which nobody was.
func (r *receiptShape) about(c *control.ContactAnswer) bool {
	switch {
	case c.Batch != 0:
		return c.Batch == r.Batch
	case !c.Listed || c.Added == nil || r.Operation != "upsert":
		return false
	case c.State == "refused" && r.Refused == 0:
		return false
	}
	if !r.Intent.IsZero() {
		return r.Intent.Unix() == c.Added.Unix()
	}
	after := r.Time.Add(-time.Duration(r.Applied) * time.Millisecond).Sub(*c.Added)
	return after >= 0 && after < time.Second+late
}

// batchesOf counts the batches that receipts are of: one may have been published twice.
func batchesOf(receipts []json.RawMessage) int {
	batches := map[uint64]bool{}
	for _, body := range receipts {
		var r receiptShape
		if json.Unmarshal(body, &r) == nil {
			batches[r.Batch] = true
		}
	}
	return len(batches)
}

// ReceiptKinds are the kinds of receipts that there are.
var ReceiptKinds = []string{"job", "replay", "refresh", "erasure"}

// ReceiptFilter chooses receipts. Empty fields choose all.
type ReceiptFilter struct {
	Since time.Time // of the work's end
	Kind  string
	Limit int // the newest; 0 is all
}

// receiptSlack is how far a replica's clock, which a receipt's time is of, may be ahead of the broker's, by which the stream is read.
const receiptSlack = 5 * time.Minute

// ChosenReceipts reads the receipts of a destination that the filter chooses, the oldest first. It needs nobody to be active.
func ChosenReceipts(ctx context.Context, conn *broker.Conn, destination string, f ReceiptFilter) ([]json.RawMessage, error) {
	if f.Kind != "" && !slices.Contains(ReceiptKinds, f.Kind) {
		return nil, &control.Error{Code: control.Misuse, Message: fmt.Sprintf("there is no kind %q: there are %s", f.Kind, listed(ReceiptKinds))}
	}
	chosen, err := f.read(ctx, conn, destination, receiptsOf(destination))
	if err != nil || f.Kind != "" && f.Kind != "erasure" {
		return bodiesOf(chosen), err
	}
	proofs, err := f.read(ctx, conn, destination, proofsOf(destination))
	return bodiesOf(f.merged(chosen, proofs)), err
}

func receiptsOf(destination string) broker.Range {
	return broker.Range{Stream: broker.ReceiptStream, Filters: []string{"rollcall.receipts." + destination}, From: 1}
}

func readReceipts(ctx context.Context, conn *broker.Conn, destination string, r broker.Range, visit func(broker.Message) error) error {
	err := conn.ReadRange(ctx, r, visit)
	if err == nil || errors.Is(err, broker.ErrStreamMissing) || errors.Is(err, errEnough) {
		return nil
	}
	return fmt.Errorf("read the receipts of %s: %w", destination, err)
}
