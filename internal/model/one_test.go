package model

import (
	"os"
	"testing"
)

// A story from a file, for whoever looks into a failure: go test -run OneStory -steps, with STORY=file.
func TestOneStoryFromAFile(t *testing.T) {
	name := os.Getenv("STORY")
	if name == "" {
		t.Skip("STORY names no file")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	story, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	first := *seedFlag
	for seed := range uint64(50) {
		if err := play(t, story, first+seed); err != nil {
			t.Fatalf("seed %d: %v", first+seed, err)
		}
	}
}
