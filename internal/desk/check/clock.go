package check

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// dateWatch notes the time that SendGrid tells with each answer.
type dateWatch struct {
	next *http.Transport

	mu           sync.Mutex
	told, before time.Time
}

// RoundTrip passes the request on.
func (w *dateWatch) RoundTrip(r *http.Request) (*http.Response, error) {
	before := time.Now()
	answer, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if told, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		w.mu.Lock()
		// A second's beginning is told: the time is half a second later, give or take as much.
		w.told, w.before = told.Add(time.Second/2), before.Add(time.Since(before)/2)
		w.mu.Unlock()
	}
	return answer, nil
}

// judge compares the last time told with this machine's.
func (w *dateWatch) judge(found *Findings, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told.IsZero() {
		found.Add(Unseen, what, "clock", "the answers have no Date")
		return
	}
	judgeClock(found, what, "SendGrid's", w.told, w.before)
}

// judgeClock compares a time that somebody told with this machine's time then.
func judgeClock(found *Findings, what, whose string, told, here time.Time) {
	skew := told.Sub(here).Abs()
	if skew <= maxClockSkew {
		found.Add(Passed, what, "clock", whose+" clock is this machine's")
		return
	}
	found.Add(Warning, what, "clock", fmt.Sprintf("%s clock is %v from this machine's", whose, skew.Round(time.Second))).
		Help = "synchronise this machine with NTP: deadlines count on its clock"
}
