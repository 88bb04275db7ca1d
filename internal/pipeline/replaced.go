package pipeline

import (
	"context"
	"slices"
	"strings"

	"rollcall/internal/broker"
)

// keysAtOnce bounds the filters of one look for newer events of profiles.
const keysAtOnce = 128

// replacements finds, after events were missing, where an event lies that may have replaced each: zero is nowhere. In a keyed
// stream that is a newer event of the same profile, above the cursor, and its subject tells. In another nothing replaces an
// event, and one that aged out is waited for up to the stream's end: what the profile's newer events say is folded by then.
func (in *intake) replacements(ctx context.Context, missing []uint64, keys map[uint64]string) (map[uint64]uint64, error) {
	out := make(map[uint64]uint64, len(missing))
	if in.unkeyed {
		end, err := in.behind(ctx)
		for _, sequence := range missing {
			out[sequence] = end
		}
		return out, err
	}
	for part := range slices.Chunk(missing, keysAtOnce) {
		newest, err := in.newestOf(ctx, part, keys)
		if err != nil {
			return nil, err
		}
		for _, sequence := range part {
			out[sequence] = newest[keys[sequence]]
		}
	}
	return out, nil
}

// newestOf returns the newest event above the cursor of each profile, by its subject key, which memberships and erasures end in.
func (in *intake) newestOf(ctx context.Context, sequences []uint64, keys map[uint64]string) (map[string]uint64, error) {
	seen := make(map[string]bool, len(sequences))
	var filters []string
	for _, sequence := range sequences {
		if key := keys[sequence]; key != "" && !seen[key] {
			seen[key] = true
			filters = append(filters, "segments.membership.*."+key, "segments.erased."+key)
		}
	}
	newest := make(map[string]uint64, len(sequences))
	if len(filters) == 0 {
		return newest, nil
	}
	err := in.opts.Stream.ReadRange(ctx, broker.Range{
		Stream: in.opts.Binding.Stream, Filters: filters, From: in.cursor + 1, HeadersOnly: true,
	}, func(m broker.Message) error {
		key := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
		newest[key] = max(newest[key], m.Sequence)
		return nil
	})
	return newest, err
}

// behind returns the stream's end where events lie behind the cursor, and zero where none do.
func (in *intake) behind(ctx context.Context) (end uint64, err error) {
	more, err := anyBehind(ctx, in.opts, in.cursor)
	if err != nil || !more {
		return 0, err
	}
	st, err := in.opts.Stream.InspectStream(ctx, in.opts.Binding.Stream)
	return st.LastSeq, err
}
