package model

import (
	"os"
	"path/filepath"
	"testing"
)

// Stories that once ended badly, and the hazards that can be told as a story: each is played with a few
// seeds, because what a story leaves open is drawn.
func TestEveryStoryOfTheCorpusEndsWell(t *testing.T) {
	names, err := filepath.Glob("testdata/corpus/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("the corpus: %v, %v", names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			story, err := Parse(string(text))
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(30) {
				if err := play(t, story, seed); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

// A failing story is printed in its shortest form.
func TestShrinkingKeepsWhatMatters(t *testing.T) {
	story, err := Parse("start\nwait 1s\nenter a p1 e1\nwait 2s\nexit a p1\ncrash\nstart\n")
	if err != nil {
		t.Fatal(err)
	}
	short := Shrink(story, func(s Story) bool {
		verbs := map[string]bool{}
		for _, o := range s {
			verbs[o.Verb] = true
		}
		return verbs["enter"] && verbs["crash"]
	})
	if got := short.String(); got != "enter a p1 e1\ncrash\n" {
		t.Errorf("the shortest is %q", got)
	}
	if again, err := Parse(short.String()); err != nil || again.String() != short.String() {
		t.Errorf("%q reads as %q (%v)", short, again, err)
	}
}
