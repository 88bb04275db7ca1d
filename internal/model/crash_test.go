package model

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

var everyNthPair = flag.Int("pairs", defaultPairs, "play every N-th pair of crash points; 1 plays all, 0 each point once first and once second")

// crashStory has everything that an event's way has, twice.
func crashStory(t *testing.T) Story {
	t.Helper()
	text, err := os.ReadFile("testdata/crash.txt")
	if err != nil {
		t.Fatal(err)
	}
	story, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return story
}

// pair is two points at which a replica is killed, the second after the start that follows the first.
type pair struct{ first, second string }

// I1, I2, I4, I5, I6, I7, I10, I13: wherever the process is killed, and wherever its successor is killed after it, the list
// ends as the reference says and every invariant holds at every commit and request on the way. Each point is
// played as the first and as the second, with every fourth of the others or, by `make model`, with every one. Both have to strike:
// a point that is never reached fails the test.
func TestACrashAtAnyTwoStepsEndsAsTheReferenceSays(t *testing.T) {
	story, all := crashStory(t), points()
	var pairs []pair
	for i, a := range all {
		for j, b := range all {
			if chosen := *everyNthPair > 0 && (i+j)%*everyNthPair == 0; chosen || (i+j)%len(all) == 0 || i == j {
				pairs = append(pairs, pair{a, b})
			}
		}
	}
	var next, played atomic.Int64
	var mu sync.Mutex
	var wrong []string
	t.Run("workers", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for n := next.Add(1) - 1; n < int64(len(pairs)); n = next.Add(1) - 1 {
					if err := crashed(t, story, uint64(n), pairs[n]); err != nil {
						mu.Lock()
						wrong = append(wrong, fmt.Sprintf("killed at %s, then at %s (seed %d): %v", pairs[n].first, pairs[n].second, n, err))
						mu.Unlock()
					}
					played.Add(1)
				}
			})
		}
	})
	if len(wrong) > 0 {
		t.Fatalf("%d of %d pairs:\n%s", len(wrong), len(pairs), strings.Join(wrong[:min(20, len(wrong))], "\n"))
	}
	t.Logf("%d pairs of %d points, each struck twice", played.Load(), len(all))
}

func crashed(t *testing.T, story Story, seed uint64, at pair) (err error) {
	t.Helper()
	struck := 0
	synctest.Test(t, func(*testing.T) {
		struck, err = PlayCrashes(story, seed, []string{at.first, at.second}, nil)
	})
	if err == nil && struck < 2 {
		err = fmt.Errorf("%d of two points were reached", struck)
	}
	return err
}

// docs/model.md names every point, so that whoever reads a failure knows where it lies.
func TestTheDocumentationNamesEveryCrashPoint(t *testing.T) {
	text, err := os.ReadFile("../../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range points() {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/model.md does not name the crash point %s", name)
		}
	}
}
