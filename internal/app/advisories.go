package app

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"rollcall/internal/broker"
)

// advice says what each kind of advisory means to whoever runs Rollcall; the kinds without one pass by themselves.
var advice = map[string]string{
	"stream_deleted":       "a stream was deleted: destinations that need it are suspended; restore it, or see docs/failures.md",
	"stream_updated":       "a stream's settings were changed (see: consumer check)",
	"stream_restored":      "a stream was restored: one older than what was taken over suspends its destinations with stream_changed (see: consumer rebase)",
	"stream_quorum_lost":   "a stream has no quorum: nothing is committed until enough of its servers are back",
	"consumer_deleted":     "a destination's durable consumer was deleted: it is made again at the cursor",
	"consumer_paused":      "a destination's durable consumer was paused or resumed: while it is paused no events come (nats consumer resume)",
	"consumer_quorum_lost": "a destination's consumer has no quorum: no events come until enough of its servers are back",
}

// listen makes what the broker tells of our streams and consumers metrics and log lines.
func (a *App) listen() error {
	streams := broker.InternalStreams()
	var ids []string
	for i := range a.cfg.Destinations {
		streams, ids = append(streams, a.cfg.Destinations[i].Stream), append(ids, a.cfg.Destinations[i].ID)
	}
	slices.Sort(streams)
	streams = slices.Compact(streams)
	metrics := a.metrics.Advisories(streams, broker.AdvisoryKinds())
	stop, err := a.conn.Advisories(streams, ids, func(told broker.Advisory) {
		metrics.Advisory(told.Stream, told.Kind)
		fields := []zap.Field{zap.String("kind", told.Kind), zap.String("stream", told.Stream)}
		if told.Consumer != "" {
			fields = append(fields, zap.String("consumer", told.Consumer))
		}
		if means := advice[told.Kind]; means != "" {
			a.log.Warn(means, fields...)
		} else {
			a.log.Info("the broker elected a leader", fields...)
		}
	})
	if err != nil {
		return err
	}
	a.onStop("the broker's advisories", func(context.Context) error { return stop() })
	return nil
}
