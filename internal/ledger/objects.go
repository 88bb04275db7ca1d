package ledger

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// objectStore keeps snapshots as objects of a bucket.
type objectStore struct {
	streams
	objects jetstream.ObjectStore
	bucket  string
}

// get reads an object as any subject is read: the client's own way gives up after five seconds, however large the object.
func (s *objectStore) get(ctx context.Context, name string) ([]byte, error) {
	look, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, err := ask.Until(look, func(ctx context.Context) (*jetstream.ObjectInfo, error) { return s.objects.GetInfo(ctx, name) })
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, errNoObject
	}
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, info.Size)
	err = s.each(ctx, s.streamName(), s.parts(info.NUID), reading{from: 1}, func(part item) error {
		data = append(data, part.body...)
		return nil
	})
	return data, err
}

func (s *objectStore) streamName() string { return "OBJ_" + s.bucket }

func (s *objectStore) list(ctx context.Context, prefix string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if s.gets {
		return s.names(ctx, prefix)
	}
	infos, err := ask.Until(ctx, func(ctx context.Context) ([]*jetstream.ObjectInfo, error) { return s.objects.List(ctx) })
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, info := range infos {
		if strings.HasPrefix(info.Name, prefix) {
			names = append(names, info.Name)
		}
	}
	return names, nil
}

// remove deletes an object and the marker that the deletion leaves: names are never used again, so that
// markers would only pile up.
func (s *objectStore) remove(ctx context.Context, name string, shred bool) error {
	stream, err := s.js.Stream(ctx, s.streamName())
	if err != nil {
		return err
	}
	if shred {
		info, err := s.objects.GetInfo(ctx, name)
		if err == nil {
			err = s.shredSubject(ctx, stream, s.parts(info.NUID), math.MaxUint64)
		}
		if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return err
		}
	}
	if err := s.objects.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject(s.meta(name)))
}
