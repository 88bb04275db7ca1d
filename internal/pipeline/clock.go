package pipeline

import "time"

// clock tells the system's time as it was when the destination began, moved on by the process's own clock. Whatever the ledger
// holds and the loop compares with it (windows, the guard's interval, horizons, when a contact was added, when a look-up showed
// it) comes from this clock: a step of the system's clock by hours would otherwise end a doubt early, let a removal be believed
// too early or pass the guard, or keep everything waiting. After a step, what is recorded is dated by the clock as it was, until
// the next start. The deadline of a request looks at the system's clock besides (see start).
type clock struct{ wall, began time.Time }

func (o *Options) clock() clock {
	if o.Wall == nil {
		return clock{wall: time.Now(), began: time.Now()}
	}
	return clock{wall: o.Wall(), began: time.Now()}
}

// now may be called from any goroutine.
func (d *Destination) now() time.Time { return d.clock.wall.Add(time.Since(d.clock.began)) }
