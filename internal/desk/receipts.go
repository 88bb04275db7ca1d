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
	Applied   int64     `json:"applied_after_ms"`
}

// receiptsWithin is how long after a request its receipt is looked for: jobs end within minutes.
const receiptsWithin = time.Hour

var errEnough = errors.New("enough read")

// addReceipts finds the receipts of the requests that sent the contacts last: by their batch while they
// are on their way, else by the second in which they were sent. It reads those of that time alone: a month of them
// would take seconds.
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
	return readReceipts(ctx, d.Conn, d.Destination.ID, r, func(m broker.Message) error {
		if m.Time.After(to.Add(receiptsWithin)) {
			return errEnough
		}
		addReceipt(contacts, m.Body)
		return nil
	})
}

// addReceipt adds a job's receipt to the contacts that it may be about.
func addReceipt(contacts []control.ContactAnswer, body []byte) {
	var r receiptShape
	if json.Unmarshal(body, &r) != nil || r.Kind != "job" {
		return
	}
	sent := r.Time.Add(-time.Duration(r.Applied) * time.Millisecond)
	for i := range contacts {
		c := &contacts[i]
		near := c.Listed && c.Batch == 0 && c.Added != nil && sent.Sub(*c.Added).Abs() <= time.Second && r.Operation == "upsert"
		if near || c.Batch != 0 && c.Batch == r.Batch {
			c.Receipts = append(c.Receipts, json.RawMessage(body))
		}
	}
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
		return nil, &control.Error{Code: control.Misuse, Message: fmt.Sprintf("there is no kind %q: there are %v", f.Kind, ReceiptKinds)}
	}
	r := receiptsOf(destination)
	if !f.Since.IsZero() {
		r.Since = f.Since.Add(-receiptSlack)
	}
	chosen := []json.RawMessage{}
	err := readReceipts(ctx, conn, destination, r, func(m broker.Message) error {
		var one receiptShape
		if json.Unmarshal(m.Body, &one) != nil || one.Time.Before(f.Since) || f.Kind != "" && one.Kind != f.Kind {
			return nil
		}
		if chosen = append(chosen, json.RawMessage(m.Body)); f.Limit > 0 && len(chosen) > f.Limit {
			chosen = chosen[1:]
		}
		return nil
	})
	return chosen, err
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
