package app

import (
	"slices"
	"sync"
	"time"
)

// lagsKept is how many of the last changes the quantiles are taken of.
const lagsKept = 4096

// lags keeps how long the last changes took from the broker to applied. It is safe for concurrent use.
type lags struct {
	mu   sync.Mutex
	ring []time.Duration
	next int
}

func (l *lags) add(lag time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < lagsKept {
		l.ring = append(l.ring, lag)
		return
	}
	l.ring[l.next] = lag
	l.next = (l.next + 1) % lagsKept
}

// quantiles are the median and the 99th hundredth in seconds; zero where nothing was applied.
func (l *lags) quantiles() (p50, p99 float64) {
	l.mu.Lock()
	all := slices.Clone(l.ring)
	l.mu.Unlock()
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	at := func(q float64) float64 { return all[int(q*float64(len(all)-1))].Seconds() }
	return at(0.5), at(0.99)
}
