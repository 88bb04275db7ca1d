package people

import (
	"testing"
	"time"
)

func TestNumbersHaveTheirThousandsApart(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	if one, more := Of(1, "event"), Of(uint64(1200), "event"); one != "1 event" || more != "1,200 events" {
		t.Errorf("%q, %q", one, more)
	}
}

func TestDurationsAreAsCoarseAsTheyAreLong(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "-", -time.Second: "-", 40 * time.Millisecond: "40ms", 1234 * time.Millisecond: "1.2s", 59900 * time.Millisecond: "1m0s",
		47 * time.Hour: "47h0m0s", 49 * time.Hour: "2d1h", 95*time.Hour + 50*time.Minute: "4d0h",
	} {
		if got := Span(d.Seconds()); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}
