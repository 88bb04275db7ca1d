package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nuid"
)

// Pointer names a snapshot. As an entry of the journal it makes the snapshot valid.
type Pointer struct {
	Object string `json:"object"`
	Covers uint64 `json:"covers"` // the last entry that the snapshot contains
	Digest string `json:"digest"` // SHA-256, in hex, of the object
	Size   int    `json:"size"`   // bytes of the object
}

// Snapshot stores what write writes as the state after entry covers, makes it valid and removes what it
// replaces. It is StoreSnapshot, CommitPointer and PurgeTo, for whoever has no loop to keep free.
func (j *Journal) Snapshot(ctx context.Context, covers uint64, write func(io.Writer) error) error {
	p, err := j.StoreSnapshot(ctx, covers, write)
	if err != nil {
		return err
	}
	if _, err := j.CommitPointer(ctx, p); err != nil {
		return err
	}
	return j.PurgeTo(ctx, p)
}

// StoreSnapshot stores a compressed object and returns what names it. It is slow, may run beside Append,
// and has no effect on the ledger until CommitPointer.
func (j *Journal) StoreSnapshot(ctx context.Context, covers uint64, write func(io.Writer) error) (Pointer, error) {
	data, err := compress(write)
	if err != nil {
		return Pointer{}, fmt.Errorf("write the snapshot of %s: %w", j.destination, err)
	}
	digest := sha256.Sum256(data)
	// A name of its own: a replica that was left behind must not be able to replace the object of another.
	p := Pointer{Object: objectName(j.destination, covers), Covers: covers, Digest: hex.EncodeToString(digest[:]), Size: len(data)}
	if err := j.store.put(ctx, p.Object, data); err != nil {
		return Pointer{}, fmt.Errorf("store the snapshot of %s (%d bytes): %w", j.destination, len(data), err)
	}
	return p, nil
}

// CommitPointer makes a stored snapshot valid by a fenced entry and returns the entry's sequence.
func (j *Journal) CommitPointer(ctx context.Context, p Pointer) (uint64, error) {
	if tail := j.Tail(); p.Covers == 0 || p.Covers > tail {
		return 0, fmt.Errorf("point to the snapshot of %s: it covers entry %d, the last is %d", j.destination, p.Covers, tail)
	}
	text, err := json.Marshal(p)
	if err != nil {
		return 0, fmt.Errorf("point to the snapshot of %s: %w", j.destination, err)
	}
	return j.append(ctx, message{pointer: string(text)})
}

// PurgeTo removes the entries and the snapshots that a committed pointer replaces. What it leaves after an
// error is removed by the next one.
func (j *Journal) PurgeTo(ctx context.Context, p Pointer) error { return j.trim(ctx, p, false) }

// ShredTo is PurgeTo that overwrites what it removes at the broker, for an erasure.
func (j *Journal) ShredTo(ctx context.Context, p Pointer) error { return j.trim(ctx, p, true) }

func (j *Journal) trim(ctx context.Context, p Pointer, shred bool) error {
	if p.Covers >= j.Tail() { // the pointer itself comes behind what it covers, so this one isn't committed
		return fmt.Errorf("trim the ledger of %s to entry %d: its pointer is not committed", j.destination, p.Covers)
	}
	if err := j.store.purgeBelow(ctx, p.Covers+1, shred); err != nil {
		return fmt.Errorf("trim the ledger of %s to entry %d: %w", j.destination, p.Covers, err)
	}
	j.mu.Lock()
	kept := 0
	for kept < len(j.entries) && j.entries[kept].seq <= p.Covers {
		kept++
	}
	j.entries = append([]entrySize(nil), j.entries[kept:]...)
	j.mu.Unlock()
	names, err := j.store.list(ctx, objectPrefix(j.destination))
	if err != nil {
		return fmt.Errorf("list the snapshots of %s: %w", j.destination, err)
	}
	for _, name := range names {
		if covers, ok := objectCovers(j.destination, name); !ok || covers > p.Covers || name == p.Object {
			continue
		}
		if err := j.store.remove(ctx, name, shred); err != nil {
			return fmt.Errorf("remove snapshot %s: %w", name, err)
		}
	}
	return j.store.sweep(ctx, j.destination, p.Object, shred)
}

// fetchSnapshot reads an object whole and compares its digest: nothing is decoded that is not what the
// pointer names. A replica of the broker that lags may not know a new object yet, so it asks a few times.
func (j *Journal) fetchSnapshot(ctx context.Context, p Pointer) ([]byte, error) {
	var data []byte
	var err error
	for try, wait := 0, 50*time.Millisecond; try < 5; try, wait = try+1, 2*wait {
		if data, err = j.store.get(ctx, p.Object); !errors.Is(err, errNoObject) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", p.Object, err)
	}
	if digest := sha256.Sum256(data); hex.EncodeToString(digest[:]) != p.Digest {
		return nil, &DamagedError{Destination: j.destination, Detail: fmt.Sprintf("snapshot %s is not what its pointer names (%d bytes instead of %d)", p.Object, len(data), p.Size)}
	}
	return data, nil
}

func compress(write func(io.Writer) error) ([]byte, error) {
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	if err := write(z); err != nil {
		_ = z.Close() // what it would write is thrown away
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func decompress(data []byte, read func(io.Reader) error) error {
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	return read(z)
}

// Objects are named <destination>.<covers>.<unique>. A destination's id has no dot.
func objectPrefix(destination string) string { return destination + "." }

func objectName(destination string, covers uint64) string {
	return fmt.Sprintf("%s%020d.%s", objectPrefix(destination), covers, nuid.Next())
}

func objectCovers(destination, name string) (uint64, bool) {
	rest, ok := strings.CutPrefix(name, objectPrefix(destination))
	if !ok {
		return 0, false
	}
	number, _, ok := strings.Cut(rest, ".")
	if !ok {
		return 0, false
	}
	covers, err := strconv.ParseUint(number, 10, 64)
	return covers, err == nil
}
