package desk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"rollcall/internal/ask"
	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/pipeline"
	"rollcall/internal/state"
)

// A reader whose ledger was compacted under it reads it again, after a pause, and not for ever: an owner compacts once in
// many entries.
const (
	movedTries = 10
	movedPause = 200 * time.Millisecond
)

// Amend appends an entry to the ledger of a destination that nobody is active for: what decide makes of its
// state. The entry is fenced like any other: had a replica claimed the destination meanwhile, it fails.
func Amend(ctx context.Context, conn *broker.Conn, cfg *config.Config, d *config.Destination, decide func(*state.State) ([]record.Record, error)) error {
	journal, state, err := load(ctx, conn, cfg, d)
	if err != nil {
		return err
	}
	records, err := decide(state)
	if err != nil {
		return err
	}
	entry := record.NewEntry(nil)
	for _, r := range records {
		entry = record.AppendRecord(entry, r)
	}
	_, err = journal.Append(ctx, entry)
	return err
}

func load(ctx context.Context, conn *broker.Conn, cfg *config.Config, d *config.Destination) (*ledger.Journal, *state.State, error) {
	salt, err := salt(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	journal, err := ledger.Open(ctx, conn.JS, d.ID, ledger.Options{Gets: conn.Gets()})
	if err != nil {
		return nil, nil, err
	}
	account, _ := cfg.Account(d.Account)
	for try := 1; ; try++ {
		state := state.NewState(Policy(d, account), salt)
		_, err := journal.Load(ctx, state.Read, func(_ uint64, body []byte) error { return state.Apply(body) })
		if errors.Is(err, ledger.ErrMoved) && try < movedTries && ask.Pause(ctx, movedPause) {
			continue
		}
		if err == nil && d.Stream != "" {
			err = whole(ctx, conn, d, journal.Tail())
		}
		return journal, state, err
	}
}

// whole looks whether an empty ledger is a lost one. Where the stream can't be looked at, that is said elsewhere.
func whole(ctx context.Context, conn *broker.Conn, d *config.Destination, tail uint64) error {
	err := pipeline.Whole(ctx, conn, d.ID, d.Stream, tail)
	if errors.Is(err, ledger.ErrLost) {
		return err
	}
	return nil
}

// Backup is the first line of a backup: whose it is, and of which moment. The state follows, compressed.
type Backup struct {
	What        string    `json:"rollcall"` // "ledger backup"
	Destination string    `json:"destination"`
	Time        time.Time `json:"time"`
	Entry       uint64    `json:"entry"`
	Cursor      uint64    `json:"cursor"`
	Listed      int       `json:"listed"`
	Digest      string    `json:"digest"`

	Proofs []json.RawMessage `json:"proofs,omitempty"` // of its erasures; in the file alone
}

const backupWhat = "ledger backup"

// WriteBackup writes a destination's state to a stream. It holds personal data.
func WriteBackup(state *state.State, b Backup, to io.Writer) (Backup, error) {
	digest, err := state.Digest()
	if err != nil {
		return b, err
	}
	st := state.Stats()
	b.What, b.Cursor, b.Listed, b.Digest = backupWhat, st.Cursor, st.Listed, digest
	head, err := json.Marshal(b)
	if err != nil {
		return b, err
	}
	if _, err := to.Write(append(head, '\n')); err != nil {
		return b, fmt.Errorf("write the backup: %w", err)
	}
	z, err := zstd.NewWriter(to)
	if err != nil {
		return b, err
	}
	return b, errors.Join(state.Write(z), z.Close())
}

// ReadBackup reads a backup into an empty state and compares its digest.
func ReadBackup(from io.Reader, state *state.State) (Backup, error) {
	var b Backup
	in := bufio.NewReader(from)
	head, err := in.ReadBytes('\n')
	if err != nil || json.Unmarshal(head, &b) != nil || b.What != backupWhat {
		return b, errors.New("this is no backup of a ledger (`consumer ledger backup` writes one)")
	}
	z, err := zstd.NewReader(in)
	if err != nil {
		return b, err
	}
	defer z.Close()
	if err := state.Read(z); err != nil {
		return b, fmt.Errorf("read the backup of %s: %w", b.Destination, err)
	}
	compute := state.Digest
	if state.Saltless() {
		compute = state.SaltlessDigest
	}
	digest, err := compute()
	if err == nil && digest != b.Digest {
		err = fmt.Errorf("the backup of %s is damaged: its digest is %s, it says %s", b.Destination, digest, b.Digest)
	}
	return b, err
}

// Restore makes a backup's state the destination's, as a new snapshot behind what the ledger holds. Nobody
// may be active. A ledger that is lost or damaged has to be abandoned before.
func Restore(ctx context.Context, conn *broker.Conn, cfg *config.Config, d *config.Destination, o Restoring) error {
	journal, _, err := load(ctx, conn, cfg, d)
	if err != nil {
		return err
	}
	covers, err := journal.Append(ctx, record.AppendRecord(record.NewEntry(nil), &o.Note))
	if err != nil {
		return err
	}
	if err := o.State.Apply(record.AppendRecord(record.NewEntry(nil), &o.Note)); err != nil {
		return err
	}
	return journal.Snapshot(ctx, covers, o.State.Write)
}

// Restoring is what is restored, and the note of it.
type Restoring struct {
	State *state.State
	Note  record.Command
}

// EmptyState returns a state to read a backup into.
func EmptyState(ctx context.Context, conn *broker.Conn, cfg *config.Config, d *config.Destination) (*state.State, error) {
	salt, err := salt(ctx, conn)
	account, _ := cfg.Account(d.Account)
	return state.NewState(Policy(d, account), salt), err
}

// RoundTrip writes a state, reads it, and compares: what a snapshot holds has to be all of it (I13).
func RoundTrip(ctx context.Context, conn *broker.Conn, cfg *config.Config, d *config.Destination, state *state.State) error {
	var body bytes.Buffer
	if err := state.Write(&body); err != nil {
		return err
	}
	again, err := EmptyState(ctx, conn, cfg, d)
	if err != nil {
		return err
	}
	if err := again.Read(&body); err != nil {
		return err
	}
	was, err := state.Digest()
	if err != nil {
		return err
	}
	is, err := again.Digest()
	if err == nil && was != is {
		err = errors.New("a snapshot of the state would lose something of it: report this, and keep a backup of the journal")
	}
	return err
}
