package telemetry

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/internal/contact"
)

// Destination is one destination's handle. Its methods are safe for concurrent use, and do nothing on nil
// or while this process does not speak for the destination.
type Destination struct {
	metrics *Metrics
	id      string

	mu     sync.Mutex // one Speak at a time
	series atomic.Pointer[series]
}

// series are the resolved handles: no label is looked up for an event.
type series struct {
	state                                                 [states]prometheus.Gauge
	contacts                                              [len(contactLabels)]prometheus.Gauge
	slots, profileCap, pending, oldest, jobs, ledgerBytes prometheus.Gauge
	heldRemovals                                          prometheus.Gauge
	letters                                               map[string]prometheus.Gauge
	events                                                [eventTypes][results]prometheus.Counter
	operations                                            [operations][outcomes]prometheus.Counter
	fields                                                [fieldResults]prometheus.Counter
	dead                                                  map[string]prometheus.Counter
	takeovers, foreign                                    prometheus.Counter
	applied, accepted                                     [operations]prometheus.Observer
	commit                                                prometheus.Observer
}

// Destination gives the handle of a destination, with rollcall_active at 0 and no other series yet.
func (m *Metrics) Destination(id string) *Destination {
	if m == nil {
		return nil
	}
	m.active.WithLabelValues(id).Set(0)
	return &Destination{metrics: m, id: id}
}

// Active says whether this replica is the active one.
func (d *Destination) Active(active bool) {
	if d == nil {
		return
	}
	value := 0.0
	if active {
		value = 1
	}
	d.metrics.active.WithLabelValues(d.id).Set(value)
}

// Speak makes this process expose the destination's series, from zero, or take them back: they come from
// the active replica, where none is active from the leased one, and an orphan's from every one.
func (d *Destination) Speak(speak bool) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case speak && d.series.Load() == nil:
		d.series.Store(d.resolve())
	case !speak && d.series.Load() != nil:
		d.series.Store(nil)
		for _, vec := range d.metrics.ofDestination {
			vec.DeletePartialMatch(prometheus.Labels{"destination": d.id})
		}
	}
}

// resolve makes every series of the closed sets, so that a rate starts at zero and not at its first event.
func (d *Destination) resolve() *series {
	m, id, s := d.metrics, d.id, &series{dead: map[string]prometheus.Counter{}, letters: map[string]prometheus.Gauge{}}
	for i, label := range stateLabels {
		s.state[i] = m.state.WithLabelValues(id, label)
	}
	for i, label := range contactLabels {
		s.contacts[i] = m.contacts.WithLabelValues(id, label)
	}
	s.slots, s.profileCap = m.slots.WithLabelValues(id), m.profileCap.WithLabelValues(id)
	s.pending, s.oldest = m.intakePending.WithLabelValues(id), m.oldest.WithLabelValues(id)
	s.jobs, s.ledgerBytes = m.jobs.WithLabelValues(id), m.ledgerBytes.WithLabelValues(id)
	for i, kind := range eventTypeLabels {
		for j, result := range resultLabels {
			s.events[i][j] = m.events.WithLabelValues(id, kind, result)
		}
	}
	for i, operation := range operationLabels {
		for j, outcome := range outcomeLabels {
			s.operations[i][j] = m.operations.WithLabelValues(id, operation, outcome)
		}
		s.applied[i] = m.toApplied.WithLabelValues(id, operation)
		s.accepted[i] = m.toAccepted.WithLabelValues(id, operation)
	}
	for i, result := range fieldResultLabels {
		s.fields[i] = m.fields.WithLabelValues(id, result)
	}
	for _, reason := range reasonLabels {
		s.dead[reason], s.letters[reason] = m.dead.WithLabelValues(id, reason), m.letters.WithLabelValues(id, reason)
	}
	s.heldRemovals = m.heldRemovals.WithLabelValues(id)
	s.takeovers, s.commit = m.takeovers.WithLabelValues(id), m.commit.WithLabelValues(id)
	s.foreign = m.foreign.WithLabelValues(id)
	return s
}

// speaking gives the handles, or nil.
func (d *Destination) speaking() *series {
	if d == nil {
		return nil
	}
	return d.series.Load()
}

// Events counts n events of a type by what came of them.
func (d *Destination) Events(kind EventType, result Result, n int) {
	if s := d.speaking(); s != nil && kind < eventTypes && result < results && n > 0 {
		s.events[kind][result].Add(float64(n))
	}
}

// Operations counts n contacts of an operation by what came of it.
func (d *Destination) Operations(operation contact.Operation, outcome Outcome, n int) {
	if s := d.speaking(); s != nil && known(operation) && outcome < outcomes && n > 0 {
		s.operations[operation-contact.Upsert][outcome].Add(float64(n))
	}
}

// Fields counts n fields.
func (d *Destination) Fields(result FieldResult, n int) {
	if s := d.speaking(); s != nil && result < fieldResults && n > 0 {
		s.fields[result].Add(float64(n))
	}
}

// DeadLetter counts one; a reason outside the contract's is not counted, labels being closed.
func (d *Destination) DeadLetter(reason string) {
	if s := d.speaking(); s != nil {
		if counter, ok := s.dead[reason]; ok {
			counter.Inc()
		}
	}
}

// Takeover counts a claim.
func (d *Destination) Takeover() {
	if s := d.speaking(); s != nil {
		s.takeovers.Inc()
	}
}

// Foreign counts messages on the ledger's subject that are no entries.
func (d *Destination) Foreign(n int) {
	if s := d.speaking(); s != nil {
		s.foreign.Add(float64(n))
	}
}

// AppliedAfter observes one contact's time from its first change not yet applied.
func (d *Destination) AppliedAfter(operation contact.Operation, lag time.Duration) {
	if s := d.speaking(); s != nil && known(operation) {
		s.applied[operation-contact.Upsert].Observe(lag.Seconds())
	}
}

// AcceptedAfter observes one contact's time until SendGrid's 202.
func (d *Destination) AcceptedAfter(operation contact.Operation, lag time.Duration) {
	if s := d.speaking(); s != nil && known(operation) {
		s.accepted[operation-contact.Upsert].Observe(lag.Seconds())
	}
}

// Committed observes how long a ledger entry took to be durable.
func (d *Destination) Committed(took time.Duration) {
	if s := d.speaking(); s != nil {
		s.commit.Observe(took.Seconds())
	}
}

func known(operation contact.Operation) bool {
	return operation >= contact.Upsert && operation <= contact.Delete
}
