package broker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// StreamState is what a look at an event stream shows.
type StreamState struct {
	Name     string
	Subjects []string
	Keyed    bool      // takes four-token membership subjects and no three-token ones
	Created  time.Time // tells a stream from a later one by the same name

	FirstSeq, LastSeq   uint64 // FirstSeq is LastSeq + 1 where nothing is left
	FirstTime, LastTime time.Time
	Messages, Bytes     uint64

	AllowAtomic bool // takes atomic batches
	AllowDirect bool
	Deletable   bool // single messages can be overwritten, as an erasure wants
	Replicas    int
	PerSubject  int64 // messages kept of a subject, -1 for all
	MaxAge      time.Duration
	Managed     bool // made by Rollcall
}

// InspectStream looks at an event stream. It returns ErrStreamMissing, or an *UnfitError together with
// the state where a setting contradicts what Rollcall needs.
func (c *Conn) InspectStream(ctx context.Context, name string) (StreamState, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := ask.Until(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.JS.Stream(ctx, name) })
	if err != nil {
		return StreamState{}, streamError(name, "look at", err)
	}
	info := stream.CachedInfo()
	unkeyed, keyed := takes(info.Config.Subjects)
	if len(info.Config.Subjects) == 0 { // a mirror, or fed by sources alone
		if unkeyed, err = holdsUnkeyed(ctx, stream); err != nil {
			return StreamState{}, streamError(name, "look at", err)
		}
		keyed = !unkeyed
	}
	return stateOf(info, keyed && !unkeyed), fitEvents(info.Config, unkeyed, keyed)
}

func takes(subjects []string) (unkeyed, keyed bool) {
	return anyOverlaps(subjects, unkeyedMembership), anyOverlaps(subjects, keyedMembership)
}

// holdsUnkeyed looks at the messages of a stream that has no subjects of its own.
func holdsUnkeyed(ctx context.Context, stream jetstream.Stream) (bool, error) {
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(unkeyedMembership))
	if err != nil {
		return false, err
	}
	return len(info.State.Subjects) > 0, nil
}

func stateOf(info *jetstream.StreamInfo, keyed bool) StreamState {
	cfg, s := info.Config, info.State
	return StreamState{
		Name: cfg.Name, Subjects: cfg.Subjects, Keyed: keyed, Created: info.Created,
		FirstSeq: s.FirstSeq, LastSeq: s.LastSeq, FirstTime: s.FirstTime, LastTime: s.LastTime,
		Messages: s.Msgs, Bytes: s.Bytes, AllowAtomic: cfg.AllowAtomicPublish, AllowDirect: cfg.AllowDirect,
		Deletable: !cfg.DenyDelete && !cfg.Sealed, Replicas: cfg.Replicas, PerSubject: cfg.MaxMsgsPerSubject,
		MaxAge: cfg.MaxAge, Managed: managed(cfg.Metadata),
	}
}

// journalSubjects are those of the journals, without what lies beside them.
const journalSubjects = "rollcall.ledger.*"

var destinationName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// IsDestination reports whether a text can be the id of a destination.
func IsDestination(text string) bool { return destinationName.MatchString(text) }

// LedgerDestinations lists the destinations that something lies in the ledger's stream for, in order. It may be no ledger: whoever
// may publish there can put anything there.
func (c *Conn) LedgerDestinations(ctx context.Context) ([]string, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := c.JS.Stream(ctx, LedgerStream)
	if err != nil {
		return nil, streamError(LedgerStream, "look at", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(journalSubjects))
	if err != nil {
		return nil, streamError(LedgerStream, "look at", err)
	}
	var out []string
	for subject := range info.State.Subjects {
		if name := strings.TrimPrefix(subject, strings.TrimSuffix(journalSubjects, "*")); IsDestination(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// SequenceAfter returns the sequence of the first event of Rollcall's that the broker stored later than t, or
// false where there is none. Times may run back a little where the stream's leader changed: what is not later is
// passed over.
func (c *Conn) SequenceAfter(ctx context.Context, stream string, t time.Time) (uint64, bool, error) {
	if c.gets {
		return c.getAfter(ctx, stream, t)
	}
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	start := t.Add(1)
	cons, err := ask.Fitting(jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &start, AckPolicy: jetstream.AckNonePolicy,
		FilterSubjects: EventFilters(), HeadersOnly: true, MemoryStorage: true, Replicas: 1, InactiveThreshold: 10 * time.Second,
	}, func(cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
		return c.JS.CreateConsumer(ctx, stream, cfg)
	})
	if ask.CodeOf(err) == codeMaxConsumers {
		return c.getAfter(ctx, stream, t)
	}
	if err != nil {
		return 0, false, streamError(stream, "look for a time in", err)
	}
	defer func() { _ = c.JS.DeleteConsumer(context.WithoutCancel(ctx), stream, cons.CachedInfo().Name) }() // else its inactivity ends it
	for pending := cons.CachedInfo().NumPending; pending > 0; {
		msg, err := cons.Next(jetstream.FetchContext(ctx))
		if err != nil {
			return 0, false, streamError(stream, "look for a time in", err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return 0, false, streamError(stream, "look for a time in", err)
		}
		if meta.Timestamp.After(t) {
			return meta.Sequence.Stream, true, nil
		}
		pending = meta.NumPending
	}
	return 0, false, nil
}

func streamError(name, act string, err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%s stream %s: %w (`consumer run` makes it; `nats stream ls` shows those that exist)", act, name, ErrStreamMissing)
	}
	return fmt.Errorf("%s stream %s: %w", act, name, err)
}

func withDefaultTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, connectTimeout)
}

// StreamsOn names the streams that take any subject of a pattern.
func (c *Conn) StreamsOn(ctx context.Context, pattern string) ([]string, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	var names []string
	list := c.JS.StreamNames(ctx, jetstream.WithStreamListSubject(pattern))
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("look for streams on %s: %w", pattern, err)
	}
	return names, nil
}
