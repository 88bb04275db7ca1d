package ledger

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// objectStore keeps snapshots as objects of a bucket.
type objectStore struct {
	js      jetstream.JetStream
	objects jetstream.ObjectStore
	bucket  string
}

func (s *objectStore) put(ctx context.Context, name string, data []byte) error {
	_, err := s.objects.PutBytes(ctx, name, data)
	return err
}

func (s *objectStore) get(ctx context.Context, name string) ([]byte, error) {
	data, err := s.objects.GetBytes(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, errNoObject
	}
	return data, err
}

func (s *objectStore) list(ctx context.Context, prefix string) ([]string, error) {
	infos, err := s.objects.List(ctx)
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
	stream, err := s.js.Stream(ctx, "OBJ_"+s.bucket)
	if err != nil {
		return err
	}
	if shred {
		info, err := s.objects.GetInfo(ctx, name)
		if err == nil {
			err = shredSubject(ctx, s.js, stream, "OBJ_"+s.bucket, "$O."+s.bucket+".C."+info.NUID, math.MaxUint64)
		}
		if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return err
		}
	}
	if err := s.objects.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject("$O."+s.bucket+".M."+base64.URLEncoding.EncodeToString([]byte(name))))
}
