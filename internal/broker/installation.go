package broker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"rollcall/internal/ask"
)

// installationSubject lies in the ledger's stream; no destination's name has an underscore.
const installationSubject = "rollcall.ledger._installation"

// Installation holds the secrets that all replicas over one broker share. They are never shown.
type Installation struct {
	HashKey       []byte `json:"hash_key"`       // of the hashes that stand for e-mails and profiles in logs
	TombstoneSalt []byte `json:"tombstone_salt"` // of the hashes by which an erased person is known
}

const (
	installationTries = 5
	maxStrangers      = 64 // messages that are no secrets, and are removed at one call
)

// Installation returns the installation's secrets, made at the first call ever. Two replicas that make
// them at once get the same: only one first message is accepted. What lies on their subject and is no secrets is removed.
func (c *Conn) Installation(ctx context.Context) (Installation, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	in := Installation{HashKey: secret(), TombstoneSalt: secret()}
	body, err := json.Marshal(in)
	if err != nil {
		return in, err
	}
	for try := 0; ; try++ {
		s, err := c.stored(ctx)
		if err != nil {
			return Installation{}, err
		}
		if s.found {
			c.removeStrangers(ctx, s.strangers)
			return s.in, nil
		}
		// Refused because another replica was first or a stranger wrote, or the answer was lost: what is stored is what holds.
		_, err = c.JS.Publish(ctx, installationSubject, body, jetstream.WithExpectLastSequencePerSubject(s.last))
		if err != nil && (try == installationTries || ctx.Err() != nil) {
			return Installation{}, fmt.Errorf("create the installation's secrets in %s: %w", LedgerStream, err)
		}
	}
}

// FindInstallation returns the installation's secrets, false where no consumer has made them yet. It writes nothing.
func (c *Conn) FindInstallation(ctx context.Context) (Installation, bool, error) {
	s, err := c.stored(ctx)
	return s.in, s.found, err
}

// InstallationMade returns when the installation's secrets were made, by the broker's clock.
func (c *Conn) InstallationMade(ctx context.Context) (time.Time, error) {
	s, err := c.stored(ctx)
	if err == nil && !s.found {
		err = fmt.Errorf("read the installation's secrets from %s: %w", LedgerStream, jetstream.ErrMsgNotFound)
	}
	return s.made, err
}

// storedSecrets is what lies on the installation's subject.
type storedSecrets struct {
	in        Installation
	found     bool
	made      time.Time
	last      uint64   // sequence of the last message, whatever it is; 0 is none
	strangers []uint64 // messages that are no secrets
}

// stored reads what lies on the installation's subject. The first message that is secrets holds: whoever may publish there can
// put others behind it, and nobody believes them. The stream's leader is asked.
func (c *Conn) stored(ctx context.Context) (s storedSecrets, err error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	last, err := ask.Last(ctx, c.NC, c.prefix, LedgerStream, installationSubject)
	if err == nil {
		s.last = last.Sequence
		g := ask.Gets{NC: c.NC, Prefix: c.prefix, Stream: LedgerStream, Subject: installationSubject, To: last.Sequence}
		err = g.Each(ctx, s.take)
	}
	switch {
	case errors.Is(err, errFound), errors.Is(err, jetstream.ErrMsgNotFound):
		return s, nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return s, streamError(LedgerStream, "read the installation's secrets from", err)
	case err != nil:
		return s, fmt.Errorf("read the installation's secrets from %s: %w", LedgerStream, err)
	}
	return s, nil
}

// take reads one message, until the secrets are found and there are enough others to remove.
func (s *storedSecrets) take(got *ask.Got) error {
	var in Installation
	ours := json.Unmarshal(got.Data, &in) == nil && len(in.HashKey) > 0 && len(in.TombstoneSalt) > 0
	switch {
	case ours && !s.found:
		s.in, s.found, s.made = in, true, got.Time
	case !ours:
		s.strangers = append(s.strangers, got.Sequence)
	}
	if s.found && len(s.strangers) >= maxStrangers {
		return errFound
	}
	return nil
}

// removeStrangers removes messages from the installation's subject. One that can't be removed is passed over as before.
func (c *Conn) removeStrangers(ctx context.Context, sequences []uint64) {
	if len(sequences) == 0 {
		return
	}
	stream, err := c.JS.Stream(ctx, LedgerStream)
	for _, seq := range sequences {
		if err == nil {
			err = stream.SecureDeleteMsg(ctx, seq)
		}
	}
	c.log.Warn("messages on the installation's subject are no secrets of ours: they were passed over and removed; somebody may publish there "+
		"who should not, see docs/permissions.md", zap.Int("messages", len(sequences)), zap.Error(err))
}

func secret() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails: it ends the process where the system has no randomness
	return b
}
