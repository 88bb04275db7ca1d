package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// owedSubjects lie in the ledger's stream, beside the journals: no destination's name has an underscore.
const owedSubjects = "rollcall.ledger._recheck."

// owed is what a destination that runs nowhere has to look at once it does: contacts that an erasure in another destination of
// its account has deleted, by keyed hashes of their e-mails, since who is erased is named nowhere.
type owed struct {
	Hashes []string `json:"hashes"`
}

// OweRecheck leaves a recheck for a destination that can't be asked now.
func (c *Conn) OweRecheck(ctx context.Context, destination string, hashes []string) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	body, err := json.Marshal(owed{Hashes: hashes})
	if err == nil {
		_, err = c.JS.Publish(ctx, owedSubjects+destination, body)
	}
	if err != nil {
		return fmt.Errorf("leave a recheck for destination %s in %s: %w", destination, LedgerStream, err)
	}
	return nil
}

// OwedRechecks returns the hashes that were left for a destination, and the sequence up to which they were.
func (c *Conn) OwedRechecks(ctx context.Context, destination string) (hashes []string, through uint64, err error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	last, err := ask.Last(ctx, c.NC, c.prefix, LedgerStream, owedSubjects+destination)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, 0, nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, 0, streamError(LedgerStream, "read the rechecks that are owed in", err)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the rechecks that destination %s owes: %w", destination, err)
	}
	err = c.ReadRange(ctx, Range{Stream: LedgerStream, To: last.Sequence, Filters: []string{owedSubjects + destination}}, func(m Message) error {
		var one owed
		if json.Unmarshal(m.Body, &one) == nil { // whoever may publish there can put there what is no recheck: it goes with the rest
			hashes = append(hashes, one.Hashes...)
		}
		return nil
	})
	return hashes, last.Sequence, err
}

// RecheckDone takes away what was left for a destination up to a sequence.
func (c *Conn) RecheckDone(ctx context.Context, destination string, through uint64) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := c.JS.Stream(ctx, LedgerStream)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(owedSubjects+destination), jetstream.WithPurgeSequence(through+1))
	}
	if err != nil {
		return fmt.Errorf("take the rechecks of destination %s away that are done: %w", destination, err)
	}
	return nil
}
