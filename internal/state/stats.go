package state

import "time"

// Stats counts what one destination did since its state was loaded, and how it stands. Arrays are
// indexed by contact.Operation.
type Stats struct {
	Events, Folded, Stale uint64
	Kinds                 [4]Verdicts // by segment.Kind
	Coalesced             uint64      // contacts whose changes cancelled out before a request
	Accepted, Applied     [4]uint64
	Refused               uint64
	Batches               [4]uint64
	Letters               map[string]uint64 // by reason
	Omitted, Uncleared    uint64

	Listed, Slots, Waiting, Held, RefusedNow int
	Window, OnTheWay, InDoubt                int
	Jobs                                     int
	Cursor                                   uint64
	Pending                                  uint64 // events not yet taken over
	CatchingUp                               bool   // what the loaded ledger owes waits for the stream's end as it was at the claim
	Oldest                                   int64  // broker time, unix milliseconds, of the oldest change not applied; zero is none
	Profiles, Contacts                       int
	Epoch                                    uint64
	Paused                                   bool
	LostFrom, LostTo                         uint64 // events that the stream dropped before they were folded
	Suspended                                string // the reason, empty where it runs
	Full                                     bool   // the account's plan takes no more contacts: nobody is added
	HeldSweeps                               int    // refreshes, and segments taken away, whose removals are held whole
	Failing                                  string // why SendGrid took nothing of late, while something is to be sent
	FailingSince                             int64  // unix milliseconds
	Commits                                  uint64
	CommitNanos                              uint64
	LedgerBytes                              uint64 // written by this process
}

// Verdicts counts events of one kind by what became of them.
type Verdicts struct{ Folded, Stale, Dead uint64 }

// Dirty is how many contacts differ from what is desired; each is in one of the six.
func (s Stats) Dirty() int {
	return s.Window + s.OnTheWay + s.InDoubt + s.Waiting + s.Held + s.RefusedNow
}

// Age is how long ago the broker stored the oldest change that is in a window, on its way or in doubt.
func (s Stats) Age(now time.Time) time.Duration {
	if s.Oldest == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(s.Oldest)))
}
