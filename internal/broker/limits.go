package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// LimitError says that a limit of the account keeps one of our streams, or a consumer, from being made.
type LimitError struct {
	Stream string
	Limit  string // as the broker names it
	Why    string // what the limit is, and what was asked for
	Help   string // the configuration or command that helps
	There  bool   // the stream is there, and can't have the size that it was to have
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("stream %s does not fit into the account's limits: %s %s: %s", e.Stream, e.Limit, e.Why, e.Help)
}

// Ours reports whether it is a stream of Rollcall's own, which holds no events.
func (e *LimitError) Ours() bool { return slices.Contains(InternalStreams(), e.Stream) }

// MaxConsumers is the limit of a stream's consumers: the one that says nothing about making streams.
const MaxConsumers = "max_consumers"

// The broker's error codes for limits of an account.
const (
	codeMaxConsumers     = ask.CodeMaxConsumers
	codeMaxStreams       = 10027
	codeStorage          = 10047
	codeMaxBytesRequired = 10113
	codeMaxStreamBytes   = 10122
)

// limited tells of a limit of the account, where that is what the broker refused a stream with; else it is the error as it
// was.
func (c *Conn) limited(ctx context.Context, cfg jetstream.StreamConfig, err error) error {
	code := ask.CodeOf(err)
	if !slices.Contains([]jetstream.ErrorCode{codeMaxConsumers, codeMaxStreams, codeStorage, codeMaxBytesRequired, codeMaxStreamBytes}, code) {
		return err
	}
	info, asked := c.JS.AccountInfo(ctx)
	if asked != nil {
		return err
	}
	return limitError(cfg, code, tierOf(info, cfg.Replicas))
}

// kept is limited of a stream that is there and was to have another size.
func (c *Conn) kept(ctx context.Context, cfg jetstream.StreamConfig, err error) error {
	err = c.limited(ctx, cfg, err)
	if limit, is := errors.AsType[*LimitError](err); is {
		limit.There = true
	}
	return err
}

// tierOf is what the account holds and may hold, for streams of so many replicas.
func tierOf(info *jetstream.AccountInfo, replicas int) jetstream.Tier {
	if tier, ok := info.Tiers[fmt.Sprintf("R%d", max(replicas, 1))]; ok || len(info.Tiers) == 0 {
		return cmp.Or(tier, info.Tier)
	}
	return jetstream.Tier{Limits: jetstream.AccountLimits{MaxStore: -1}} // the broker says what it has instead
}

// limitError puts a limit into words: what it is, what it would take, and the commands that help.
func limitError(cfg jetstream.StreamConfig, code jetstream.ErrorCode, tier jetstream.Tier) *LimitError {
	e := &LimitError{Stream: cfg.Name}
	size := "retention." + sizeKey(cfg.Name)
	switch int(code) {
	case codeMaxBytesRequired:
		e.Limit, e.Why = "max_bytes_required", "is true, and no size is set"
		e.Help = "set " + size + " in the configuration, or make it: " + makes(cfg)
	case codeMaxStreamBytes:
		e.Limit, e.Why = "disk_max_stream_bytes", fmt.Sprintf("is %d, and max_bytes would be %d", tier.Limits.StoreMaxStreamBytes, cfg.MaxBytes)
		e.Help = "lower " + size + " in the configuration, or raise the account's limit"
	case codeMaxStreams:
		e.Limit, e.Why = "max_streams", fmt.Sprintf("is %d, and as many are there", tier.Limits.MaxStreams)
		e.Help = "raise it (Rollcall needs 5 streams of its own, and those of the events), or remove one that nobody needs: `nats stream ls`"
	case codeStorage:
		e.Limit, e.Why = "max_file", fmt.Sprintf("is %d bytes, of which %d are taken", tier.Limits.MaxStore, max(tier.ReservedStore, tier.Store))
		e.Help = "raise the account's or the server's limit of storage, or lower " + size + " in the configuration"
	case codeMaxConsumers:
		e.Limit, e.Why = MaxConsumers, fmt.Sprintf("is %d, and as many read the stream", tier.Limits.MaxConsumers)
		e.Help = "raise it (a stream needs one for each of its destinations), or remove one that nobody needs: `nats consumer ls " + cfg.Name + "`"
	default: // limited asks for these alone
	}
	return e
}

// sizeKey is the key of the configuration that has a stream's size.
func sizeKey(stream string) string {
	switch stream {
	case LedgerStream:
		return "ledger_max_bytes"
	case "OBJ_" + SnapshotBucket:
		return "snapshots_max_bytes"
	case DeadLetterStream:
		return "dead_letters_max_bytes"
	case ReceiptStream:
		return "receipts_max_bytes"
	}
	return "events_max_bytes"
}

// makes is the command that makes a stream as we would, of a size that is to be chosen.
func makes(cfg jetstream.StreamConfig) string {
	if cfg.Name == "OBJ_"+SnapshotBucket {
		return "`nats object add " + SnapshotBucket + " --max-bucket-size=SIZE`"
	}
	parts := []string{
		"`nats stream add", cfg.Name, "--subjects=" + strings.Join(cfg.Subjects, ","), "--storage=file --retention=limits --discard=new --max-bytes=SIZE",
		fmt.Sprintf("--max-msgs-per-subject=%d", cmp.Or(cfg.MaxMsgsPerSubject, -1)), "--allow-direct --defaults`",
	}
	if cfg.MaxAge > 0 {
		parts[3] += " --max-age=" + cfg.MaxAge.String()
	}
	return strings.Join(parts, " ")
}

// Room looks which of the streams that are missing the account's limits would not let us make, and makes none.
func (c *Conn) Room(ctx context.Context, o TopologyOptions) ([]*LimitError, error) {
	info, err := c.JS.AccountInfo(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the account's limits: %w", err)
	}
	var found []*LimitError
	used := map[int]jetstream.Tier{}
	for _, cfg := range c.wanted(o) {
		if _, err := c.JS.Stream(ctx, cfg.Name); !errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		tier, known := used[cfg.Replicas]
		if !known {
			tier = tierOf(info, cfg.Replicas)
		}
		if cfg.Name == "KV_"+LeaseBucket && tier.Limits.MaxBytesRequired {
			cfg.MaxBytes = leasesBytes
		}
		needs := uint64(max(cfg.MaxBytes, 0))
		if len(info.Tiers) == 0 { // else the limits are of one copy
			needs *= uint64(max(cfg.Replicas, 1))
		}
		if code := refuses(cfg, tier, needs); code != 0 {
			found = append(found, limitError(cfg, code, tier))
			continue
		}
		tier.Streams++
		tier.ReservedStore += needs
		used[cfg.Replicas] = tier
	}
	return found, nil
}

// wanted are the streams that EnsureStreams makes, as far as limits are concerned.
func (c *Conn) wanted(o TopologyOptions) []jetstream.StreamConfig {
	replicas := cmp.Or(o.Replicas, c.replicas)
	var all []jetstream.StreamConfig
	for _, s := range internalStreams(o, replicas) {
		all = append(all, s.cfg)
	}
	all = append(all, jetstream.StreamConfig{Name: "OBJ_" + SnapshotBucket, MaxBytes: o.MaxBytes.Snapshots, Replicas: replicas},
		jetstream.StreamConfig{Name: "KV_" + LeaseBucket, Replicas: replicas})
	for _, name := range slices.Compact(slices.Sorted(slices.Values(o.EventStreams))) {
		all = append(all, eventStream(name, o, replicas))
	}
	return all
}

// refuses is the code with which the broker would refuse a stream that takes so many bytes of what the account may hold; 0
// is none.
func refuses(cfg jetstream.StreamConfig, tier jetstream.Tier, needs uint64) jetstream.ErrorCode {
	limits := tier.Limits
	switch {
	case limits.MaxBytesRequired && cfg.MaxBytes <= 0:
		return codeMaxBytesRequired
	case limits.StoreMaxStreamBytes > 0 && cfg.MaxBytes > limits.StoreMaxStreamBytes:
		return codeMaxStreamBytes
	case limits.MaxStreams > 0 && tier.Streams >= limits.MaxStreams:
		return codeMaxStreams
	case limits.MaxStore >= 0 && tier.ReservedStore+max(needs, 1) > uint64(limits.MaxStore):
		return codeStorage
	}
	return 0
}

// RoomToRead tells of destinations whose durable consumer is not on the stream, and would be one more than the stream or
// the account allows. It makes none. A look that fails tells of none: the broker says then what is wrong.
func (c *Conn) RoomToRead(ctx context.Context, stream string, destinations ...string) map[string]*LimitError {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	account, err := c.JS.AccountInfo(ctx)
	if err != nil {
		return nil
	}
	s, err := c.JS.Stream(ctx, stream)
	if err != nil {
		return nil
	}
	cfg, there := s.CachedInfo().Config, s.CachedInfo().State.Consumers
	tier := readable(account, cfg)
	limit := tier.Limits.MaxConsumers
	if limit <= 0 {
		return nil
	}
	found := map[string]*LimitError{}
	for _, d := range destinations {
		if _, err := s.Consumer(ctx, DurableName(d)); !errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue
		}
		if there >= limit {
			found[d] = limitError(cfg, codeMaxConsumers, tier)
		}
		there++
	}
	return found
}

// readable is what the account may hold, with the smaller of its and the stream's limits of consumers.
func readable(account *jetstream.AccountInfo, cfg jetstream.StreamConfig) jetstream.Tier {
	tier := tierOf(account, cfg.Replicas)
	if own := &tier.Limits.MaxConsumers; cfg.MaxConsumers > 0 && (*own <= 0 || cfg.MaxConsumers < *own) {
		*own = cfg.MaxConsumers
	}
	return tier
}

// tooMany tells of the limit that kept a consumer from being made.
func (c *Conn) tooMany(ctx context.Context, stream string, err error) error {
	account, failed := c.JS.AccountInfo(ctx)
	if failed != nil {
		return err
	}
	s, failed := c.JS.Stream(ctx, stream)
	if failed != nil {
		return err
	}
	cfg := s.CachedInfo().Config
	return limitError(cfg, codeMaxConsumers, readable(account, cfg))
}
