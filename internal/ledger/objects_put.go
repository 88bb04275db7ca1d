package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"rollcall/internal/ask"
)

// Objects are stored as any client of object stores would store them, except for one thing: the subject of an
// object's parts names the destination. So what a kill left of a snapshot can be told from the parts that another
// destination is storing now.

const (
	partSize  = 128 << 10 // bytes of a part, as the client's own
	partRoom  = 1 << 10   // of a message, for the broker's headers
	partsSent = 32        // parts under way at once
)

// put stores an object: its parts first, then the message that makes it one.
func (s *objectStore) put(ctx context.Context, name string, data []byte) error {
	destination, _, _ := strings.Cut(name, ".")
	info := jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: uint32(s.partSize())}},
		Bucket:     s.bucket, NUID: destination + "." + nuid.Next(), Size: uint64(len(data)),
	}
	if err := s.putParts(ctx, &info, data); err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	info.Digest = "SHA-256=" + base64.URLEncoding.EncodeToString(digest[:])
	body, err := json.Marshal(info)
	if err != nil {
		return err
	}
	msg := nats.NewMsg(s.meta(name))
	msg.Data = body
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	_, err = s.js.PublishMsg(ctx, msg)
	return err
}

// putParts publishes an object's parts, some at once, and waits until the broker has them all.
func (s *objectStore) putParts(ctx context.Context, info *jetstream.ObjectInfo, data []byte) error {
	var sent []jetstream.PubAckFuture
	confirmed := func(left int) error {
		for len(sent) > left {
			select {
			case <-sent[0].Ok():
			case err := <-sent[0].Err():
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
			sent = sent[1:]
		}
		return nil
	}
	for part := range slices.Chunk(data, s.partSize()) {
		future, err := s.js.PublishAsync(s.parts(info.NUID), part)
		if err != nil {
			return err
		}
		sent = append(sent, future)
		info.Chunks++
		if err := confirmed(partsSent); err != nil {
			return err
		}
	}
	return confirmed(0)
}

// partSize is how many bytes of an object one message of this connection has room for.
func (s *objectStore) partSize() int {
	return int(min(partSize, max(s.js.Conn().MaxPayload()-partRoom, partRoom)))
}

func (s *objectStore) parts(id string) string { return "$O." + s.bucket + ".C." + id }

func (s *objectStore) meta(name string) string {
	return "$O." + s.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}

// sweep removes the parts of a destination's objects that never became one: a kill cut their storing short. Only what
// is older than the object that is kept is removed, because whoever claims the ledger later may be storing a newer
// one at this moment. Without an object to keep everything goes.
func (s *objectStore) sweep(ctx context.Context, destination, keep string, shred bool) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	stream, err := s.js.Stream(ctx, s.streamName())
	if err != nil {
		return err
	}
	below := uint64(math.MaxUint64)
	if keep != "" {
		last, err := stream.GetLastMsgForSubject(ctx, s.meta(keep))
		if err != nil {
			return err
		}
		below = last.Sequence
	}
	used, err := s.used(ctx)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(s.parts(destination+".*")))
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		if used[subject] {
			continue
		}
		last, err := stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && last.Sequence >= below {
			continue
		}
		if err == nil {
			err = s.drop(ctx, stream, subject, shred)
		}
		if err != nil {
			return fmt.Errorf("remove the parts of a snapshot that was not stored whole: %w", err)
		}
	}
	return nil
}

// used are the subjects of the parts of every object.
func (s *objectStore) used(ctx context.Context) (map[string]bool, error) {
	infos, err := ask.Until(ctx, func(ctx context.Context) ([]*jetstream.ObjectInfo, error) { return s.objects.List(ctx) })
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, err
	}
	used := map[string]bool{}
	for _, info := range infos {
		used[s.parts(info.NUID)] = true
	}
	return used, nil
}

func (s *objectStore) drop(ctx context.Context, stream jetstream.Stream, subject string, shred bool) error {
	if shred {
		if err := s.shredSubject(ctx, stream, subject, math.MaxUint64); err != nil {
			return err
		}
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject(subject))
}
