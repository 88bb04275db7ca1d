package model

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

var (
	histories = flag.Int("histories", defaultHistories, "random stories to play")
	shrinking = flag.Bool("shrink", true, "look for the shortest form of a story that fails")
	seedFlag  = flag.Uint64("seed", 0, "the first story's seed; 0 draws one")
)

// Every list ends as the reference says, and every invariant holds at every step, whatever happens on the
// way. A failure prints the seed and the shortest story that still fails: it belongs into testdata/corpus.
func TestRandomHistoriesEndAsTheReferenceSays(t *testing.T) {
	first := *seedFlag
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	t.Logf("%d stories from seed %d", *histories, first)
	var next atomic.Uint64
	var found atomic.Bool
	for worker := range workers {
		t.Run(fmt.Sprint("worker ", worker), func(t *testing.T) {
			t.Parallel()
			for !found.Load() {
				n := next.Add(1) - 1
				if n >= uint64(*histories) {
					return
				}
				seed := first + n
				story := Generate(seed)
				err := play(t, story, seed)
				if err == nil || found.Swap(true) {
					continue
				}
				if !*shrinking {
					t.Fatalf("seed %d: %v", seed, err)
				}
				short, last := shortened(t, story, seed, err)
				t.Fatalf("seed %d: %v\nthe shortest story that fails, with %v:\n%s", seed, err, last, short)
			}
		})
	}
}

// shortened shrinks a failing story. What a story leaves open is drawn anew each time, so that each try is
// played with a few seeds.
func shortened(t *testing.T, story Story, seed uint64, err error) (Story, error) {
	last := err
	short := Shrink(story, func(s Story) bool {
		for k := range uint64(8) {
			if err := play(t, s, seed+k); err != nil {
				last = err
				return true
			}
		}
		return false
	})
	return short, last
}
