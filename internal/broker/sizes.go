package broker

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// Sizes are the largest sizes of the streams that we make, in bytes; 0 sets no limit. A stream with one refuses what is new
// when it is full, and lets go of nothing.
type Sizes struct{ Events, Ledger, Snapshots, DeadLetters, Receipts int64 }

// resize gives a stream that is ours its size, where one is set; a limit that somebody set by hand stays otherwise.
func (c *Conn) resize(ctx context.Context, name string, size int64) error {
	if size <= 0 {
		return nil
	}
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := c.JS.Stream(ctx, name)
	if err != nil {
		return streamError(name, "look at", err)
	}
	have := stream.CachedInfo().Config
	if have.MaxBytes == size || !managed(have.Metadata) {
		return nil
	}
	have.MaxBytes, have.Discard = size, jetstream.DiscardNew
	if _, err := c.JS.UpdateStream(ctx, have); err != nil {
		return fmt.Errorf("set max_bytes of stream %s to %d: %w", name, size, c.kept(ctx, have, err))
	}
	return nil
}

// NearlyFull is the share of a limit from which on somebody should make room.
const NearlyFull = 0.9

// Fill is how far a stream that refuses what is new at a limit has come to it.
type Fill struct {
	Stream  string `json:"stream"`
	Setting string `json:"setting"` // max_bytes or max_msgs, the nearer one
	Used    uint64 `json:"used"`
	Limit   uint64 `json:"limit"`
}

// Share is the part of the limit that is used, from 0 to 1.
func (f Fill) Share() float64 { return float64(f.Used) / float64(f.Limit) }

// Help is the key or the command that makes room.
func (f Fill) Help() string {
	flag := "--max-bytes"
	if f.Setting == "max_msgs" {
		flag = "--max-msgs"
	}
	edit := fmt.Sprintf("`nats stream edit %s %s=MORE`, or -1 for none", f.Stream, flag)
	if f.Setting == "max_bytes" && f.Stream != "KV_"+LeaseBucket {
		return "raise retention." + sizeKey(f.Stream) + " where the configuration has it, else " + edit
	}
	return edit
}

// Fills looks, at all of these streams at once, how full those are that refuse what is new at a limit. Streams without such
// a limit, and those that can't be looked at, are left out.
func (c *Conn) Fills(ctx context.Context, streams []string) []Fill {
	found := make([]*Fill, len(streams))
	var looks sync.WaitGroup
	for i, name := range streams {
		looks.Go(func() { found[i] = c.fill(ctx, name) })
	}
	looks.Wait()
	var fills []Fill
	for _, f := range found {
		if f != nil {
			fills = append(fills, *f)
		}
	}
	return fills
}

func (c *Conn) fill(ctx context.Context, name string) *Fill {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	stream, err := ask.Until(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.JS.Stream(ctx, name) })
	if err != nil {
		return nil
	}
	return fillOf(stream.CachedInfo())
}

// fillOf is nil where the stream takes whatever comes. What lets go of old messages is full as a rule.
func fillOf(info *jetstream.StreamInfo) *Fill {
	if info.Config.Discard != jetstream.DiscardNew {
		return nil
	}
	var nearer *Fill
	for _, f := range []Fill{
		{info.Config.Name, "max_bytes", info.State.Bytes, uint64(max(info.Config.MaxBytes, 0))},
		{info.Config.Name, "max_msgs", info.State.Msgs, uint64(max(info.Config.MaxMsgs, 0))},
	} {
		if f.Limit > 0 && (nearer == nil || f.Share() > nearer.Share()) {
			nearer = &f
		}
	}
	return nearer
}

// Nearly are those that are nearly full.
func Nearly(fills []Fill) []Fill {
	return slices.DeleteFunc(slices.Clone(fills), func(f Fill) bool { return f.Share() < NearlyFull })
}
