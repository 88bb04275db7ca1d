package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// leasesBytes is the size of the leases' bucket where the account wants one: a hundred bytes for each destination and
// replica are needed.
const leasesBytes = 16 << 20

// ensureSnapshots creates the object store where none is.
func (c *Conn) ensureSnapshots(ctx context.Context, o TopologyOptions) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	_, err := c.JS.ObjectStore(ctx, SnapshotBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = c.JS.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: SnapshotBucket, Replicas: cmp.Or(o.Replicas, c.replicas), Storage: jetstream.FileStorage,
			MaxBytes: o.MaxBytes.Snapshots, Description: "Rollcall: snapshots of the journals", Metadata: map[string]string{managedKey: "managed"},
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			err = nil
		}
	}
	if err != nil {
		err = c.limited(ctx, jetstream.StreamConfig{Name: "OBJ_" + SnapshotBucket, MaxBytes: o.MaxBytes.Snapshots, Replicas: cmp.Or(o.Replicas, c.replicas)}, err)
		return fmt.Errorf("open the object store %s: %w", SnapshotBucket, err)
	}
	if err := c.InspectInternal(ctx, "OBJ_"+SnapshotBucket); err != nil {
		return err
	}
	return c.resize(ctx, "OBJ_"+SnapshotBucket, o.MaxBytes.Snapshots)
}

// ensureLeases creates the bucket of the leases where none is. Where the account wants a size of every stream it gets
// one that no number of leases fills.
func (c *Conn) ensureLeases(ctx context.Context, replicas int) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	_, err := c.JS.KeyValue(ctx, LeaseBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		cfg := jetstream.KeyValueConfig{
			Bucket: LeaseBucket, Replicas: replicas, Storage: jetstream.FileStorage, History: 1,
			LimitMarkerTTL: 10 * time.Second, // lets a key have a time to live of its own
			Description:    "Rollcall: which replica is to be active", Metadata: map[string]string{managedKey: "managed"},
		}
		if _, err = c.JS.CreateKeyValue(ctx, cfg); ask.CodeOf(err) == codeMaxBytesRequired {
			cfg.MaxBytes = leasesBytes
			_, err = c.JS.CreateKeyValue(ctx, cfg)
		}
		if errors.Is(err, jetstream.ErrBucketExists) {
			err = nil
		}
	}
	if err != nil {
		err = c.limited(ctx, jetstream.StreamConfig{Name: "KV_" + LeaseBucket, MaxBytes: leasesBytes, Replicas: replicas}, err)
		return fmt.Errorf("open the bucket %s: %w", LeaseBucket, err)
	}
	return c.InspectInternal(ctx, "KV_"+LeaseBucket)
}
