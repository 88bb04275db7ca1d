package broker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// PublishReceipt publishes one receipt, JSON without personal data, and returns when it is confirmed.
func (c *Conn) PublishReceipt(ctx context.Context, destination string, receipt []byte) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	if _, err := c.JS.Publish(ctx, "rollcall.receipts."+destination, receipt); err != nil {
		return fmt.Errorf("publish a receipt to %s: %w", ReceiptStream, err)
	}
	return nil
}

// installationSubject lies in the ledger's stream; no destination's name has an underscore.
const installationSubject = "rollcall.ledger._installation"

// Installation holds the secrets that all replicas over one broker share. They are never shown.
type Installation struct {
	HashKey       []byte `json:"hash_key"`       // of the hashes that stand for e-mails and profiles in logs
	TombstoneSalt []byte `json:"tombstone_salt"` // of the hashes by which an erased person is known
}

// Installation returns the installation's secrets, made at the first call ever. Two replicas that make
// them at once get the same: only one first message is accepted.
func (c *Conn) Installation(ctx context.Context) (Installation, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	in, found, err := c.FindInstallation(ctx)
	if err != nil || found {
		return in, err
	}
	in = Installation{HashKey: secret(), TombstoneSalt: secret()}
	body, err := json.Marshal(in)
	if err != nil {
		return in, err
	}
	if _, err = c.JS.Publish(ctx, installationSubject, body, jetstream.WithExpectLastSequencePerSubject(0)); err != nil {
		// Refused because another replica was first, or the answer was lost: what is stored is what holds.
		if stored, readErr := c.readInstallation(ctx); readErr == nil {
			return stored, nil
		}
		return Installation{}, fmt.Errorf("create the installation's secrets in %s: %w", LedgerStream, err)
	}
	return in, nil
}

// FindInstallation returns the installation's secrets, false where no consumer has made them yet. It writes nothing.
func (c *Conn) FindInstallation(ctx context.Context) (Installation, bool, error) {
	in, err := c.readInstallation(ctx)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Installation{}, false, nil
	}
	return in, err == nil, err
}

// InstallationMade returns when the installation's secrets were made, by the broker's clock.
func (c *Conn) InstallationMade(ctx context.Context) (time.Time, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	msg, err := ask.Last(ctx, c.NC, c.prefix, LedgerStream, installationSubject)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the installation's secrets from %s: %w", LedgerStream, err)
	}
	return msg.Time, nil
}

func (c *Conn) readInstallation(ctx context.Context) (in Installation, err error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	msg, err := ask.Last(ctx, c.NC, c.prefix, LedgerStream, installationSubject)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return in, streamError(LedgerStream, "read the installation's secrets from", err)
	}
	if err != nil {
		return in, fmt.Errorf("read the installation's secrets from %s: %w", LedgerStream, err)
	}
	if err := json.Unmarshal(msg.Data, &in); err != nil || len(in.HashKey) == 0 || len(in.TombstoneSalt) == 0 {
		return in, fmt.Errorf("read the installation's secrets from %s: the message on %s is damaged (restore the stream from a backup)", LedgerStream, installationSubject)
	}
	return in, nil
}

func secret() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails: it ends the process where the system has no randomness
	return b
}
