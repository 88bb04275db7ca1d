package telemetry

import "slices"

// Advisories is the handle of what the broker tells of its streams and consumers. It does nothing on nil.
type Advisories struct {
	metrics        *Metrics
	streams, kinds []string
}

// Advisories gives the handle for closed sets of streams and kinds; each series starts at zero.
func (m *Metrics) Advisories(streams, kinds []string) *Advisories {
	if m == nil {
		return nil
	}
	for _, stream := range streams {
		for _, kind := range kinds {
			m.advisories.WithLabelValues(stream, kind)
		}
	}
	return &Advisories{metrics: m, streams: streams, kinds: kinds}
}

// Advisory counts one; what is outside the closed sets is not counted.
func (a *Advisories) Advisory(stream, kind string) {
	if a != nil && slices.Contains(a.streams, stream) && slices.Contains(a.kinds, kind) {
		a.metrics.advisories.WithLabelValues(stream, kind).Inc()
	}
}
