package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// proofSubjects lie in the ledger's stream, beside the journals: there nothing ages, and they stay when their destination is
// removed. Each proof has a subject of its own, below its destination's.
const proofSubjects = "rollcall.ledger._proofs."

// ProofSubjects are the subjects of a destination's proofs of erasures.
func ProofSubjects(destination string) string { return proofSubjects + destination + ".*" }

// proof is what tells one erasure from another: the event's sequence, which a stream that was made again uses again, and its beginning.
type proof struct {
	Kind     string    `json:"kind"`
	Sequence uint64    `json:"sequence"`
	Began    time.Time `json:"began"`
}

// IsProof reports whether a receipt is the proof of an erasure.
func IsProof(receipt []byte) bool {
	_, ok := proofOf(receipt)
	return ok
}

func proofOf(receipt []byte) (proof, bool) {
	var p proof
	err := json.Unmarshal(receipt, &p)
	return p, err == nil && p.Kind == "erasure"
}

// KeepProof stores a receipt that is the proof of an erasure where it does not age: once, however often it is asked.
// It does nothing with another receipt.
func (c *Conn) KeepProof(ctx context.Context, destination string, receipt []byte) error {
	p, ok := proofOf(receipt)
	if !ok {
		return nil
	}
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	subject := proofSubjects + destination + "." + strconv.FormatUint(p.Sequence, 10) + "-" + strconv.FormatInt(p.Began.UnixNano(), 10)
	_, err := c.JS.Publish(ctx, subject, receipt, jetstream.WithExpectLastSequencePerSubject(0))
	if err == nil {
		return nil
	}
	// Refused because it is there, or the answer was lost: what is stored tells.
	if _, lookErr := ask.Last(ctx, c.NC, c.prefix, LedgerStream, subject); lookErr == nil {
		return nil
	}
	return fmt.Errorf("keep the proof of an erasure of destination %s in %s: %w", destination, LedgerStream, err)
}
