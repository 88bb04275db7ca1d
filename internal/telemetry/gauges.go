package telemetry

import "time"

// Contacts is how many contacts stand how: dirty ones are each in one of the fields after it.
type Contacts struct {
	Listed, Dirty, Window, OnTheWay, InDoubt, Waiting, Held, Refused int
}

// Level is what a destination's gauges show, taken at one moment.
type Level struct {
	Contacts        Contacts
	Slots           int
	ProfileCap      int64 // 0 is none
	IntakePending   uint64
	OldestUnapplied time.Duration
	JobsInFlight    int
	LedgerBytes     uint64
	HeldRemovals    int // those of held refreshes included, which are no contacts' standing
}

// SetLevel shows a level. Removals that are held with a whole refresh are dirty contacts, and held ones, too.
func (d *Destination) SetLevel(level Level) {
	s := d.speaking()
	if s == nil {
		return
	}
	c := level.Contacts
	if more := level.HeldRemovals - c.Held; more > 0 {
		c.Held, c.Dirty = c.Held+more, c.Dirty+more
	}
	s.heldRemovals.Set(float64(level.HeldRemovals))
	for i, n := range [len(contactLabels)]int{
		c.Listed, c.Dirty, c.Window, c.OnTheWay, c.InDoubt, c.Waiting, c.Held, c.Refused,
	} {
		s.contacts[i].Set(float64(n))
	}
	s.slots.Set(float64(level.Slots))
	s.profileCap.Set(float64(level.ProfileCap))
	s.pending.Set(float64(level.IntakePending))
	s.oldest.Set(level.OldestUnapplied.Seconds())
	s.jobs.Set(float64(level.JobsInFlight))
	s.ledgerBytes.Set(float64(level.LedgerBytes))
}

// SetState shows the state; reason is that of a suspension, and "" otherwise.
func (d *Destination) SetState(state State, reason string) {
	s := d.speaking()
	if s == nil {
		return
	}
	for i := range s.state {
		value := 0.0
		if State(i) == state {
			value = 1
		}
		s.state[i].Set(value)
	}
	d.metrics.suspended.DeletePartialMatch(map[string]string{"destination": d.id})
	if reason != "" {
		d.metrics.suspended.WithLabelValues(d.id, reason).Set(1)
	}
}
