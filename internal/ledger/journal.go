package ledger

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nuid"
	"go.uber.org/zap"
)

// MaxEntry is the most bytes that an entry may have. A message of the broker's default limit of 1 MiB has
// room for it and for headers.
const MaxEntry = 900_000

// Format is the form of journal messages that this build writes. It reads every one before it.
const Format = 1

// Options says where journals lie; the zero value is the contract's.
type Options struct {
	Stream string // ROLLCALL_LEDGER
	Bucket string // ROLLCALL_SNAPSHOTS
	Gets   bool   // reads by get requests alone, for whoever may make no consumer
	Log    *zap.Logger

	// Foreign is told how many more messages came onto the journal's subject that are no entries of ours; nil is nobody.
	Foreign func(n int)
}

// message is one entry as it lies in the journal.
type message struct {
	seq      uint64
	id       string // of its own: by it a writer knows its entry again
	previous uint64 // sequence of the entry before it; 0 is none
	format   int
	pointer  string // JSON of a Pointer, where it is a pointer entry
	body     []byte
	foreign  bool // no entry of ours: no Journal wrote it
}

// log is one destination's subject: what is published is accepted only behind the entry expected.
type log interface {
	// publish stores the message if the last one has the sequence expected. An error may be a refusal or
	// an answer that was lost: last tells.
	publish(ctx context.Context, m message, expected uint64) (uint64, error)
	// last reads the last message, from where writes are decided; false where there is none.
	last(ctx context.Context) (message, bool, error)
	// read calls visit with every message from a sequence on to the end.
	read(ctx context.Context, r reading, visit func(message) error) error
}

// reading is a part of a log.
type reading struct {
	from    uint64
	headers bool // without bodies
}

// snapshots keeps immutable objects.
type snapshots interface {
	put(ctx context.Context, name string, data []byte) error
	get(ctx context.Context, name string) ([]byte, error) // errNoObject where it is not there
	list(ctx context.Context, prefix string) ([]string, error)
}

// trimmer removes what a newer snapshot replaced; overwritten at the broker where shred is asked for.
type trimmer interface {
	purgeBelow(ctx context.Context, seq uint64, shred bool) error
	// drop removes one message.
	drop(ctx context.Context, seq uint64) error
	remove(ctx context.Context, name string, shred bool) error
	// sweep removes what is left of objects that were never stored whole, and are older than the one to keep; empty is all.
	sweep(ctx context.Context, destination, keep string, shred bool) error
}

// store is what a journal is built on: the broker.
type store interface {
	log
	snapshots
	trimmer
}

// Journal is the durable state of one destination: entries, each behind the one before, a snapshot of what
// the first of them made, and the pointer entry that makes the snapshot valid.
//
// Whoever appends is fenced: an Append succeeds only directly behind the entry that this Journal loaded or
// wrote last, and ErrFenced tells that another wrote since (I2). Load, Append and CommitPointer are for one
// goroutine; StoreSnapshot, PurgeTo, ShredTo, Tail and Size may run beside them.
type Journal struct {
	destination string
	store       store
	log         *zap.Logger
	told        func(n int) // of foreign messages; nil is nobody

	mu      sync.Mutex // covers what follows; never held over I/O
	tail    uint64
	loaded  bool
	entries []entrySize
	foreign strangers
}

// entrySize is an entry that no snapshot has replaced.
type entrySize struct {
	seq   uint64
	bytes int
}

var destinationName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

func newJournal(destination string, s store, o Options) (*Journal, error) {
	if !destinationName.MatchString(destination) {
		return nil, fmt.Errorf("open a journal: %q is no destination's id (lower-case letters, digits and dashes, at most 32)", destination)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Journal{destination: destination, store: s, log: o.Log, told: o.Foreign}, nil
}

// Tail is the sequence of the last entry that was loaded or appended; 0 before the first.
func (j *Journal) Tail() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tail
}

// Size is how many entries, of how many bytes, no snapshot has replaced yet.
func (j *Journal) Size() (entries int, bytes int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.entries {
		bytes += int64(e.bytes)
	}
	return len(j.entries), bytes
}

func (j *Journal) advance(seq uint64, bytes int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tail = seq
	j.entries = append(j.entries, entrySize{seq: seq, bytes: bytes})
}

// Append commits an entry of at most MaxEntry bytes and returns its sequence. It returns when the broker
// has it on disk, or with ErrFenced, ErrLost or a *TooLargeError; while the broker does not answer it tries
// on until ctx ends. After any error but *TooLargeError the journal has to be loaded again: whether the
// entry is there is not known, or not ours to know any more.
func (j *Journal) Append(ctx context.Context, body []byte) (uint64, error) {
	return j.append(ctx, message{body: body})
}

func (j *Journal) append(ctx context.Context, m message) (uint64, error) {
	if len(m.body) > MaxEntry {
		return 0, &TooLargeError{Destination: j.destination, Bytes: len(m.body)}
	}
	j.mu.Lock()
	tail, loaded := j.tail, j.loaded
	j.loaded = false // until it is known what became of this entry
	j.mu.Unlock()
	if !loaded {
		return 0, fmt.Errorf("append to the ledger of %s: %w", j.destination, ErrNotLoaded)
	}
	m.id, m.previous, m.format = nuid.Next(), tail, Format
	seq, err := j.commit(ctx, m)
	if err != nil {
		return 0, fmt.Errorf("append to the ledger of %s behind entry %d: %w", j.destination, tail, err)
	}
	j.advance(seq, len(m.body))
	j.mu.Lock()
	j.loaded = true
	j.mu.Unlock()
	j.removeForeign(ctx, seq)
	return seq, nil
}

const (
	tryTimeout = 5 * time.Second // of one publish and of one look at the tail
	firstWait  = 20 * time.Millisecond
	longWait   = time.Second
)

// commit publishes until the entry is certainly there, or certainly can't be. A refusal, a broker that is
// electing and an answer that never came are alike: the tail tells which it was (H17). Behind a stranger's message it is
// published at once, before another one comes.
func (j *Journal) commit(ctx context.Context, m message) (uint64, error) {
	behind := m.previous
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		try, cancel := context.WithTimeout(ctx, tryTimeout)
		seq, err := j.store.publish(try, m, behind)
		cancel()
		if err == nil {
			return seq, nil
		}
		if isPermanent(err) {
			return 0, err
		}
		j.log.Debug("an entry was not acknowledged; reading the tail", zap.String("destination", j.destination), zap.Error(err))
		v := j.judge(ctx, m, behind)
		if v.decided {
			return v.seq, v.err
		}
		stranger := v.behind > behind
		if behind = v.behind; stranger && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%w (%w; last answer: %w)", ErrUncertain, context.Cause(ctx), err)
		case <-time.After(wait):
		}
	}
}

// verdict is what the tail tells of a publish that was not acknowledged.
type verdict struct {
	decided bool
	seq     uint64 // of the entry, where it is there
	err     error
	behind  uint64 // the message to publish it behind, where nothing is decided
}

// judge reads the tail after a publish that was not acknowledged. Only our entry as the very last one is
// ours: had another claimed behind it, we would not be the owner any more, although our entry is there. What
// is no entry is no claim.
func (j *Journal) judge(ctx context.Context, m message, behind uint64) verdict {
	t, err := j.tailOf(ctx, m.previous)
	switch {
	case err != nil && isPermanent(err):
		return verdict{decided: true, err: err}
	case err != nil:
		return verdict{behind: behind} // the same is published again, and the broker decides
	case t.found && t.last.id == m.id:
		return verdict{decided: true, seq: t.last.seq}
	case t.found && t.last.seq > m.previous:
		return verdict{decided: true, err: ErrFenced}
	case !t.found && m.previous > 0, t.found && t.last.seq < m.previous:
		return verdict{decided: true, err: &LostError{Destination: j.destination, Detail: fmt.Sprintf("entry %d, which was there, is gone", m.previous)}}
	}
	return verdict{behind: max(m.previous, t.stranger)}
}

func formatOf(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
