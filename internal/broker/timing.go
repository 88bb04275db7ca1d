package broker

import (
	"fmt"
	"time"
)

// How the broker's times fit each other. A replica renews its lease each third of it and gives up after four fifths without
// an answer, so that one renewal may be lost; by then the broker must not have given the lease to another.
const (
	leaseRenewals = 3         // in a lease's time
	leaseGivesUp  = 4.0 / 5.0 // of it, without an answer
)

// FitLease refuses a time for leases that the broker and their holder would count differently: the broker counts whole
// seconds alone.
func FitLease(takeover time.Duration) error {
	counted, holds := takeover.Truncate(time.Second), time.Duration(leaseGivesUp*float64(takeover))
	if counted > holds {
		return nil
	}
	return fmt.Errorf("is %s, of which the broker counts whole seconds: it frees a lease after %s, while its holder works on for 4/5 of %s = %s: make it %s or %s",
		takeover, counted, takeover, holds, counted, counted+time.Second)
}
