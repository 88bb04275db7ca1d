package app

import "testing"

// A count that is lower than it was a second ago has begun anew with the destination's run: what it shows has come
// since, and no difference is negative, whichever of the counts tells first.
func TestACountThatBeganAnewGrowsFromZero(t *testing.T) {
	for _, c := range []struct {
		now, before uint64
		want        int
	}{{5, 3, 2}, {3, 3, 0}, {2, 7, 2}, {0, 7, 0}, {1, ^uint64(0), 1}} {
		if got := growth(c.now, c.before); got != c.want {
			t.Errorf("from %d to %d is %d, want %d", c.before, c.now, got, c.want)
		}
	}
}
