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
	MaxBytes      Sizes
}

// EnsureStreams creates what is missing of the internal streams and the event streams, and refuses those
// whose settings contradict what is needed, each with an *UnfitError. The errors are joined, so that all
// are seen at once. Of a stream that it did not create it changes nothing; of one it did, age and size
// follow the configuration.
func (c *Conn) EnsureStreams(ctx context.Context, o TopologyOptions) error {
	err := c.EnsureInternal(ctx, o)
	streams := o.EventStreams
	if len(streams) == 0 {
		streams = []string{DefaultEventStream}
	}
	errs := []error{err}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(streams))) {
		_, err := c.EnsureEvents(ctx, name, o)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// EnsureEventStream creates a keyed event stream where none is, of any size, and returns how it is.
func (c *Conn) EnsureEventStream(ctx context.Context, name string, replicas int) (StreamState, error) {
	return c.EnsureEvents(ctx, name, TopologyOptions{Replicas: replicas})
}

// EnsureEvents creates a keyed event stream where none is, and returns how it is. The size of one that it made follows
// the options.
func (c *Conn) EnsureEvents(ctx context.Context, name string, o TopologyOptions) (StreamState, error) {
	state, err := c.InspectStream(ctx, name)
	switch {
	case errors.Is(err, ErrStreamMissing):
		if err := c.create(ctx, eventStream(name, o, c.replicas)); err != nil {
			return StreamState{}, err
		}
		return c.InspectStream(ctx, name)
	case err == nil && state.Managed:
		return state, c.resize(ctx, name, o.MaxBytes.Events)
	}
	return state, err
}

// eventStream is an event stream as we make it.
func eventStream(name string, o TopologyOptions, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: EventSubjects(), MaxMsgsPerSubject: 1, AllowDirect: true, MaxBytes: o.MaxBytes.Events,
		Description: "Segment membership: the latest event of each profile and segment", Replicas: cmp.Or(o.Replicas, replicas),
	}
}

// internalStream is one of Rollcall's own streams.
type internalStream struct {
	cfg jetstream.StreamConfig
	fit func(jetstream.StreamConfig) error
}

func internalStreams(o TopologyOptions, replicas int) []internalStream {
	return []internalStream{
		{jetstream.StreamConfig{
			Name: LedgerStream, Subjects: []string{ledgerSubjects}, Replicas: replicas, AllowDirect: true, MaxBytes: o.MaxBytes.Ledger,
			Description: "Rollcall: the journal of each destination",
		}, fitLedger},
		{jetstream.StreamConfig{
			Name: DeadLetterStream, Subjects: []string{letterSubjects}, Replicas: replicas, AllowDirect: true, MaxBytes: o.MaxBytes.DeadLetters,
			MaxAge: cmp.Or(o.DeadLetterAge, defaultAge), Description: "Rollcall: events and contacts set aside, with the reason",
		}, fitLetters},
		{jetstream.StreamConfig{
			Name: ReceiptStream, Subjects: []string{receiptSubjects}, Replicas: replicas, AllowDirect: true, MaxBytes: o.MaxBytes.Receipts,
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
	return errors.Join(append(errs, c.ensureSnapshots(ctx, o), c.ensureLeases(ctx, replicas))...)
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
	sized := s.cfg.MaxBytes > 0 && have.MaxBytes != s.cfg.MaxBytes
	if have.MaxAge == s.cfg.MaxAge && have.AllowDirect == s.cfg.AllowDirect && !sized || !managed(have.Metadata) {
		return nil
	}
	if have.MaxAge, have.AllowDirect = s.cfg.MaxAge, s.cfg.AllowDirect; sized {
		have.MaxBytes, have.Discard = s.cfg.MaxBytes, jetstream.DiscardNew
	}
	if _, err := c.JS.UpdateStream(ctx, have); err != nil {
		err = c.kept(ctx, have, err)
		return fmt.Errorf("set age %s, max_bytes %d and direct gets of stream %s: %w", have.MaxAge, have.MaxBytes, have.Name, err)
	}
	return nil
}

// create makes a stream that is ours: on disk, with atomic batches. That another replica makes the same
// at the same time is no error.
func (c *Conn) create(ctx context.Context, cfg jetstream.StreamConfig) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	cfg.Storage, cfg.Retention, cfg.Discard = jetstream.FileStorage, jetstream.LimitsPolicy, jetstream.DiscardOld
	if cfg.MaxBytes > 0 {
		cfg.Discard = jetstream.DiscardNew
	}
	cfg.MaxMsgsPerSubject = cmp.Or(cfg.MaxMsgsPerSubject, -1)
	cfg.AllowAtomicPublish = true
	cfg.Metadata = map[string]string{managedKey: "managed"}
	_, err := c.JS.CreateStream(ctx, cfg)
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	if limit, is := errors.AsType[*LimitError](c.limited(ctx, cfg, err)); is {
		return limit
	}
	hint := "may this user create streams, and has the broker JetStream switched on?"
	if strings.Contains(err.Error(), "overlap") {
		hint = "another stream takes these subjects: `nats stream find --subject`, or name that stream"
	}
	return fmt.Errorf("create stream %s with %d replicas: %w (%s)", cfg.Name, cfg.Replicas, err, hint)
}

func managed(metadata map[string]string) bool { return metadata[managedKey] == "managed" }
