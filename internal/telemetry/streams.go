package telemetry

// StreamUsed shows how much of its limit of bytes or messages a stream uses, from 0 to 1; only of streams that refuse what
// is new at a limit.
func (m *Metrics) StreamUsed(stream string, share float64) {
	if m != nil {
		m.streamUsed.WithLabelValues(stream).Set(share)
	}
}

// StreamUnlimited takes the series of a stream away that has no limit any more.
func (m *Metrics) StreamUnlimited(stream string) {
	if m != nil {
		m.streamUsed.DeleteLabelValues(stream)
	}
}
