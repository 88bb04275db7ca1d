package desk

import (
	"context"
	"encoding/json"
	"slices"

	"rollcall/internal/broker"
)

// The proofs of erasures are receipts that are kept in the ledger's stream as well, where they neither age nor go with their
// destination. Those of an earlier release are receipts alone.

func proofsOf(destination string) broker.Range {
	return broker.Range{Stream: broker.LedgerStream, Filters: []string{broker.ProofSubjects(destination)}, From: 1}
}

// Proofs are the proofs of a destination's erasures that are kept, the oldest first.
func Proofs(ctx context.Context, conn *broker.Conn, destination string) ([]json.RawMessage, error) {
	chosen, err := ReceiptFilter{Kind: "erasure"}.read(ctx, conn, destination, proofsOf(destination))
	return bodiesOf(chosen), err
}

// RestoreProofs keeps the proofs that a backup holds; those that are there already stay as they are.
func RestoreProofs(ctx context.Context, conn *broker.Conn, b Backup) error {
	for _, body := range b.Proofs {
		if err := conn.KeepProof(ctx, b.Destination, body); err != nil {
			return err
		}
	}
	return nil
}

// chosenReceipt is one that a filter chose.
type chosenReceipt struct {
	receiptShape
	body json.RawMessage
}

func bodiesOf(chosen []chosenReceipt) []json.RawMessage {
	bodies := []json.RawMessage{}
	for _, one := range chosen {
		bodies = append(bodies, one.body)
	}
	return bodies
}

// read reads what the filter chooses of a part of a stream, in its order. What is no receipt is passed over.
func (f ReceiptFilter) read(ctx context.Context, conn *broker.Conn, destination string, r broker.Range) (chosen []chosenReceipt, err error) {
	if !f.Since.IsZero() {
		r.Since = f.Since.Add(-receiptSlack)
	}
	err = readReceipts(ctx, conn, destination, r, func(m broker.Message) error {
		one := chosenReceipt{body: json.RawMessage(m.Body)}
		if json.Unmarshal(m.Body, &one.receiptShape) != nil || one.Time.Before(f.Since) || f.Kind != "" && one.Kind != f.Kind {
			return nil
		}
		if r.Stream == broker.LedgerStream && !broker.IsProof(m.Body) {
			return nil
		}
		if chosen = append(chosen, one); f.Limit > 0 && len(chosen) > f.Limit {
			chosen = chosen[1:]
		}
		return nil
	})
	return chosen, err
}

// merged puts the proofs among the receipts that are not there as receipts any more.
func (f ReceiptFilter) merged(receipts, proofs []chosenReceipt) []chosenReceipt {
	there := make(map[string]bool, len(receipts))
	for _, one := range receipts {
		there[string(one.body)] = true
	}
	proofs = slices.DeleteFunc(proofs, func(one chosenReceipt) bool { return there[string(one.body)] })
	if len(proofs) == 0 {
		return receipts
	}
	all := slices.Concat(proofs, receipts)
	slices.SortStableFunc(all, func(a, b chosenReceipt) int { return a.Time.Compare(b.Time) })
	if f.Limit > 0 {
		all = all[max(0, len(all)-f.Limit):]
	}
	return all
}
