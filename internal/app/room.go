package app

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/broker"
)

// lookForRoom is how often the streams are asked how full they are.
const lookForRoom = 10 * time.Second

// room is how full the streams are that refuse what is new at a limit, as of the last look.
type room struct{ fills atomic.Pointer[[]broker.Fill] }

// nearlyFull are those that a destination on the stream needs room in.
func (r *room) nearlyFull(stream string) []broker.Fill {
	fills := r.fills.Load()
	if fills == nil {
		return nil
	}
	return slices.DeleteFunc(broker.Nearly(*fills), func(f broker.Fill) bool {
		return f.Stream != stream && !slices.Contains(broker.InternalStreams(), f.Stream)
	})
}

// watchRoom looks how full the streams are until the context ends, and says once of each that it is nearly full.
func (a *App) watchRoom(ctx context.Context) {
	streams := broker.InternalStreams()
	for i := range a.cfg.Destinations {
		streams = append(streams, a.cfg.Destinations[i].Stream)
	}
	slices.Sort(streams)
	streams = slices.Compact(streams)
	said := map[string]bool{}
	for ok := true; ok; ok = ask.Pause(ctx, lookForRoom) {
		if !a.reached() {
			continue
		}
		asking, cancel := context.WithTimeout(ctx, lookForRoom)
		fills := a.conn.Fills(asking, streams)
		cancel()
		a.room.fills.Store(&fills)
		for _, name := range streams {
			i := slices.IndexFunc(fills, func(f broker.Fill) bool { return f.Stream == name })
			if i < 0 {
				a.metrics.StreamUnlimited(name)
				continue
			}
			f := fills[i]
			a.metrics.StreamUsed(name, f.Share())
			if full := f.Share() >= broker.NearlyFull; full != said[name] {
				if said[name] = full; full {
					a.log.Warn("a stream is nearly full: a full one takes nothing more", zap.String("stream", name),
						zap.String("limit", f.Setting), zap.Uint64("is", f.Limit), zap.Uint64("used", f.Used), zap.String("help", f.Help()))
				}
			}
		}
	}
}
