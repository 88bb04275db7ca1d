package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// The headers of a journal's messages. There is no Nats-Msg-Id: a cluster looks for duplicates before it
// checks the sequence, and would confirm an entry that it did not store behind the one expected (H17).
const (
	headerID       = "Rollcall-Entry"
	headerPrevious = "Rollcall-Previous"
	headerFormat   = "Rollcall-Format"
	headerPointer  = "Rollcall-Pointer"
)

const (
	defaultStream = "ROLLCALL_LEDGER"
	defaultBucket = "ROLLCALL_SNAPSHOTS"
	subjectPrefix = "rollcall.ledger."
	askTimeout    = 10 * time.Second // of a request that is no publish, repeated while nobody answers
)

// Open opens a destination's journal in the streams that broker.EnsureStreams makes. Nothing is read yet.
func Open(ctx context.Context, js jetstream.JetStream, destination string, o Options) (*Journal, error) {
	o.Stream, o.Bucket = cmp.Or(o.Stream, defaultStream), cmp.Or(o.Bucket, defaultBucket)
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	stream, err := ask.Until(ctx, func(ctx context.Context) (jetstream.Stream, error) { return js.Stream(ctx, o.Stream) })
	if err != nil {
		return nil, fmt.Errorf("open the ledger of %s in stream %s: %w", destination, o.Stream, err)
	}
	objects, err := ask.Until(ctx, func(ctx context.Context) (jetstream.ObjectStore, error) { return js.ObjectStore(ctx, o.Bucket) })
	if err != nil {
		return nil, fmt.Errorf("open the snapshots of %s in bucket %s: %w", destination, o.Bucket, err)
	}
	s := &streamStore{
		stream: stream, name: o.Stream, subject: subjectPrefix + destination,
		objectStore: objectStore{streams: streams{js: js, gets: o.Gets}, objects: objects, bucket: o.Bucket},
	}
	return newJournal(destination, s, o)
}

// streamStore keeps a journal on one subject of a stream, and its snapshots in an object store.
type streamStore struct {
	objectStore
	stream  jetstream.Stream
	name    string
	subject string
}

func (s *streamStore) publish(ctx context.Context, m message, expected uint64) (uint64, error) {
	msg := nats.NewMsg(s.subject)
	msg.Data = m.body
	msg.Header.Set(headerID, m.id)
	msg.Header.Set(headerPrevious, strconv.FormatUint(m.previous, 10))
	msg.Header.Set(headerFormat, strconv.Itoa(m.format))
	if m.pointer != "" {
		msg.Header.Set(headerPointer, m.pointer)
	}
	ack, err := s.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(expected), jetstream.WithExpectStream(s.name))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// last asks the stream's leader: a direct get may be answered by a replica that lags.
func (s *streamStore) last(ctx context.Context) (message, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	raw, err := ask.Until(ctx, func(ctx context.Context) (*ask.Got, error) {
		return ask.Last(ctx, s.js.Conn(), s.prefix(), s.name, s.subject)
	})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return message{}, false, nil
	case err != nil:
		return message{}, false, err
	}
	return read(raw.Sequence, raw.Header, raw.Data), true, nil
}

// read takes a message for an entry if it has the headers that publish sets.
func read(seq uint64, h nats.Header, body []byte) message {
	id := h.Get(headerID)
	previous, err := strconv.ParseUint(h.Get(headerPrevious), 10, 64)
	if id == "" || err != nil {
		return message{seq: seq, foreign: true}
	}
	return message{seq: seq, id: id, previous: previous, format: formatOf(h.Get(headerFormat)), pointer: h.Get(headerPointer), body: body}
}

func (s *streamStore) read(ctx context.Context, r reading, visit func(message) error) error {
	return s.each(ctx, s.name, s.subject, r, func(i item) error {
		m := read(i.seq, i.header, i.body)
		if m.format > Format {
			return newerBuild(s.subject[len(subjectPrefix):], i.seq, m.format)
		}
		return visit(m)
	})
}

func (s *streamStore) purgeBelow(ctx context.Context, seq uint64, shred bool) error {
	if shred {
		if err := s.shredSubject(ctx, s.stream, s.subject, seq); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return s.stream.Purge(ctx, jetstream.WithPurgeSubject(s.subject), jetstream.WithPurgeSequence(seq))
}

// shredSubject overwrites every message of a subject below a sequence.
func (s *streams) shredSubject(ctx context.Context, stream jetstream.Stream, subject string, below uint64) error {
	var found []uint64
	name := stream.CachedInfo().Config.Name
	err := s.each(ctx, name, subject, reading{from: 1, headers: true}, func(i item) error {
		if i.seq < below {
			found = append(found, i.seq)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, seq := range found {
		if err := stream.SecureDeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("overwrite message %d of stream %s: %w", seq, name, err)
		}
	}
	return nil
}

// The broker's error codes that no second try heals.
const (
	codeStreamNotFound = 10059
	codeTooLarge       = 10054
)

// isPermanent reports whether publishing the same again can't help. Wrong expected sequences (10071,
// 10163, 10164) are not: our own entry may be what is there (H17).
func isPermanent(err error) bool {
	var refused jetstream.JetStreamError
	if errors.As(err, &refused) && refused.APIError() != nil {
		code := refused.APIError().ErrorCode
		return code == codeStreamNotFound || code == codeTooLarge
	}
	return errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrPermissionViolation)
}
