package pipeline

import "rollcall/internal/broker"

// isMarker reports whether the broker left the message in place of others that it removed: it is no event, and nobody's
// letter.
func isMarker(m *broker.Message) bool {
	return len(m.Body) == 0 && m.Header.Get("Nats-Marker-Reason") != ""
}
