package app

import (
	"testing"
	"time"
)

func TestLagsAreOfTheLastChanges(t *testing.T) {
	t.Parallel()
	l := &lags{}
	if p50, p99 := l.quantiles(); p50 != 0 || p99 != 0 {
		t.Errorf("of nothing: %v, %v", p50, p99)
	}
	for range lagsKept {
		l.add(time.Hour)
	}
	for i := range lagsKept {
		l.add(time.Duration(i%101) * time.Second)
	}
	if p50, p99 := l.quantiles(); p50 < 49 || p50 > 50 || p99 != 99 {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
}
