package model

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 0, "how long TestSoak plays random stories")

// As many stories as the time allows: `make soak`.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("no -soak was given: see `make soak`")
	}
	first := *seedFlag
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	end := time.Now().Add(*soak)
	played := search(t, first, func(uint64) bool { return time.Now().Before(end) })
	t.Logf("%d stories in %v ended as the reference says", played, *soak)
}

// search plays random stories while more says so, from a seed on, and fails with the shortest form of the first that ends
// badly. It returns how many were played.
func search(t *testing.T, first uint64, more func(n uint64) bool) uint64 {
	t.Helper()
	t.Logf("stories from seed %d", first)
	var next, played atomic.Uint64
	var found atomic.Bool
	t.Run("workers", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for !found.Load() {
					n := next.Add(1) - 1
					if !more(n) {
						return
					}
					seed := first + n
					story := Generate(seed)
					if err := play(t, story, seed); err != nil && !found.Swap(true) {
						report(t, story, seed, err)
					}
					played.Add(1)
				}
			})
		}
	})
	return played.Load()
}

func report(t *testing.T, story Story, seed uint64, err error) {
	t.Helper()
	if !*shrinking {
		t.Fatalf("seed %d: %v", seed, err)
	}
	short, last := shortened(t, story, seed, err)
	t.Fatalf("seed %d: %v\nthe shortest story that fails, with %v:\n%s", seed, err, last, short)
}
