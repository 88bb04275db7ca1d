package pipeline

import "time"

// failing is SendGrid's trouble as status tells it: since when no request that changes something was taken, and why
// the last one was not. It names nobody (I12).
type failing struct {
	since time.Time
	why   string
}

// fails notes that a request failed for a reason that says nothing of its contacts.
func (l *loop) fails(err error) {
	if l.failing.why == "" {
		l.failing.since = time.Now()
	}
	l.failing.why = err.Error()
}

// tell puts the trouble into the numbers, as long as there is something to send: where nothing is, nobody tries.
func (f failing) tell(st *Stats) {
	if f.why != "" && st.Window+st.OnTheWay+st.InDoubt > 0 {
		st.Failing, st.FailingSince = f.why, f.since.UnixMilli()
	}
}
