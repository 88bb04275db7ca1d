package model

import (
	"flag"
	"testing"
)

var (
	histories = flag.Int("histories", defaultHistories, "random stories to play")
	shrinking = flag.Bool("shrink", true, "look for the shortest form of a story that fails")
	seedFlag  = flag.Uint64("seed", 0, "the first story's seed; 0 draws one in a soak")
)

func init() {
	flag.BoolVar(&drawBeside, "beside", true, "a quarter of the random stories has a second destination of the account")
}

// firstSeed is the one that a run of the tests begins with: the same stories for everybody, so that a change is to
// blame where one fails. `make soak` draws others.
const firstSeed = 1

// Every list ends as the reference says, and every invariant holds at every step, whatever happens on the
// way. A failure prints the seed and the shortest story that still fails: it belongs into testdata/corpus.
func TestRandomHistoriesEndAsTheReferenceSays(t *testing.T) {
	first := *seedFlag
	if first == 0 {
		first = firstSeed
	}
	played := search(t, first, func(n uint64) bool { return n < uint64(*histories) })
	t.Logf("%d stories ended as the reference says", played)
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
