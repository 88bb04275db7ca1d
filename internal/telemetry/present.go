package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// LettersPresent shows how many dead letters are there now, by reason; a reason that is not named has none.
func (d *Destination) LettersPresent(byReason map[string]uint64) {
	if s := d.speaking(); s != nil {
		for reason, gauge := range s.letters {
			gauge.Set(float64(byReason[reason]))
		}
	}
}

// Refreshed shows when a segment's last accepted refresh was published.
func (d *Destination) Refreshed(segment string, at time.Time) {
	if d.speaking() != nil {
		d.metrics.refreshed.WithLabelValues(d.id, segment).Set(float64(at.UnixMilli()) / 1000)
	}
}

// Failing shows for how long SendGrid has taken nothing; 0 is not at all.
func (a *Account) Failing(since time.Duration) {
	if a != nil {
		a.metrics.failing.WithLabelValues(a.id).Set(since.Seconds())
	}
}

// Broker shows whether connected reports a connection to the broker, each time that the metrics are read. Call it once.
func (m *Metrics) Broker(connected func() bool) {
	if m == nil {
		return
	}
	m.registrar.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "broker_connected", Help: "Whether this process is connected to its broker.",
	}, func() float64 {
		if connected() {
			return 1
		}
		return 0
	}))
}
