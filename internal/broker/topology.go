package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The streams and buckets of Rollcall's contract.
const (
	DefaultEventStream = "SEGMENT_EVENTS"
	LedgerStream       = "ROLLCALL_LEDGER"
	SnapshotBucket     = "ROLLCALL_SNAPSHOTS"
	DeadLetterStream   = "ROLLCALL_DEAD_LETTERS"
	ReceiptStream      = "ROLLCALL_RECEIPTS"
	LeaseBucket        = "ROLLCALL_LEASES"

	ledgerSubjects  = "rollcall.ledger.>"
	letterSubjects  = "rollcall.dead.>"
	receiptSubjects = "rollcall.receipts.>"

	managedKey = "rollcall" // in a stream's metadata: we made it
	defaultAge = 720 * time.Hour
)

// TopologyOptions says what streams are wanted.
type TopologyOptions struct {
	EventStreams  []string      // none: the default one
	Replicas      int           // of what is made; 0 is the connection's
	DeadLetterAge time.Duration // 0 is 720 h
	ReceiptAge    time.Duration // 0 is 720 h
}

// EnsureStreams creates what is missing of the internal streams and the event streams, and refuses those
// whose settings contradict what is needed, each with an *UnfitError. The errors are joined, so that all
// are seen at once. Of a stream that it did not create it changes nothing; of one it did, the age alone
// follows the configuration.
func (c *Conn) EnsureStreams(ctx context.Context, o TopologyOptions) error {
	err := c.EnsureInternal(ctx, o)
	streams := o.EventStreams
	if len(streams) == 0 {
		streams = []string{DefaultEventStream}
	}
	errs := []error{err}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(streams))) {
		_, err := c.EnsureEventStream(ctx, name, o.Replicas)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// EnsureEventStream creates a keyed event stream where none is, and returns how it is.
func (c *Conn) EnsureEventStream(ctx context.Context, name string, replicas int) (StreamState, error) {
	state, err := c.InspectStream(ctx, name)
	if !errors.Is(err, ErrStreamMissing) {
		return state, err
	}
	err = c.create(ctx, jetstream.StreamConfig{
		Name: name, Subjects: EventSubjects(), MaxMsgsPerSubject: 1, AllowDirect: true,
		Description: "Segment membership: the latest event of each profile and segment", Replicas: cmp.Or(replicas, c.replicas),
	})
	if err != nil {
		return StreamState{}, err
	}
	return c.InspectStream(ctx, name)
}

// internalStream is one of Rollcall's own streams.
type internalStream struct {
	cfg jetstream.StreamConfig
	fit func(jetstream.StreamConfig) error
}

func internalStreams(o TopologyOptions, replicas int) []internalStream {
	return []internalStream{
		{jetstream.StreamConfig{
			Name: LedgerStream, Subjects: []string{ledgerSubjects}, Replicas: replicas, AllowDirect: true,
			Description: "Rollcall: the journal of each destination",
		}, fitLedger},
		{jetstream.StreamConfig{
			Name: DeadLetterStream, Subjects: []string{letterSubjects}, Replicas: replicas, AllowDirect: true,
			MaxAge: cmp.Or(o.DeadLetterAge, defaultAge), Description: "Rollcall: events and contacts set aside, with the reason",
		}, fitLetters},
		{jetstream.StreamConfig{
			Name: ReceiptStream, Subjects: []string{receiptSubjects}, Replicas: replicas, AllowDirect: true,
			MaxAge: cmp.Or(o.ReceiptAge, defaultAge), Description: "Rollcall: what came of each finished job",
		}, fitReceipts},
	}
}

// EnsureInternal creates what is missing of the ledger, its snapshots, the dead letters, the receipts and
// the leases.
func (c *Conn) EnsureInternal(ctx context.Context, o TopologyOptions) error {
	replicas := cmp.Or(o.Replicas, c.replicas)
	var errs []error
	for _, s := range internalStreams(o, replicas) {
		errs = append(errs, c.ensureInternal(ctx, s))
	}
	return errors.Join(append(errs, c.ensureSnapshots(ctx, replicas), c.ensureLeases(ctx, replicas))...)
}

func (c *Conn) ensureInternal(ctx context.Context, s internalStream) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := c.JS.Stream(ctx, s.cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err := c.create(ctx, s.cfg); err != nil {
			return err
		}
		stream, err = c.JS.Stream(ctx, s.cfg.Name)
	}
	if err != nil {
		return streamError(s.cfg.Name, "look at", err)
	}
	have := stream.CachedInfo().Config
	if err := fitSubjects(have, s.cfg.Subjects[0]); err != nil {
		return err
	}
	if err := s.fit(have); err != nil {
		return err
	}
	if have.MaxAge == s.cfg.MaxAge && have.AllowDirect == s.cfg.AllowDirect || !managed(have.Metadata) {
		return nil
	}
	have.MaxAge, have.AllowDirect = s.cfg.MaxAge, s.cfg.AllowDirect
	if _, err := c.JS.UpdateStream(ctx, have); err != nil {
		return fmt.Errorf("set the age of stream %s to %s, and direct gets: %w", have.Name, have.MaxAge, err)
	}
	return nil
}

// create makes a stream that is ours: on disk, with atomic batches. That another replica makes the same
// at the same time is no error.
func (c *Conn) create(ctx context.Context, cfg jetstream.StreamConfig) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	cfg.Storage, cfg.Retention, cfg.Discard = jetstream.FileStorage, jetstream.LimitsPolicy, jetstream.DiscardOld
	cfg.MaxMsgsPerSubject = cmp.Or(cfg.MaxMsgsPerSubject, -1)
	cfg.AllowAtomicPublish = true
	cfg.Metadata = map[string]string{managedKey: "managed"}
	_, err := c.JS.CreateStream(ctx, cfg)
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	hint := "may this user create streams, and has the broker JetStream switched on?"
	if strings.Contains(err.Error(), "overlap") {
		hint = "another stream takes these subjects: `nats stream find --subject`, or name that stream"
	}
	return fmt.Errorf("create stream %s with %d replicas: %w (%s)", cfg.Name, cfg.Replicas, err, hint)
}

func (c *Conn) ensureSnapshots(ctx context.Context, replicas int) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	_, err := c.JS.ObjectStore(ctx, SnapshotBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = c.JS.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: SnapshotBucket, Replicas: replicas, Storage: jetstream.FileStorage,
			Description: "Rollcall: snapshots of the journals", Metadata: map[string]string{managedKey: "managed"},
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("open the object store %s: %w", SnapshotBucket, err)
	}
	return c.InspectInternal(ctx, "OBJ_"+SnapshotBucket)
}

func (c *Conn) ensureLeases(ctx context.Context, replicas int) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	_, err := c.JS.KeyValue(ctx, LeaseBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = c.JS.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: LeaseBucket, Replicas: replicas, Storage: jetstream.FileStorage, History: 1,
			LimitMarkerTTL: 10 * time.Second, // lets a key have a time to live of its own
			Description:    "Rollcall: which replica is to be active", Metadata: map[string]string{managedKey: "managed"},
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("open the bucket %s: %w", LeaseBucket, err)
	}
	return c.InspectInternal(ctx, "KV_"+LeaseBucket)
}

func managed(metadata map[string]string) bool { return metadata[managedKey] == "managed" }
