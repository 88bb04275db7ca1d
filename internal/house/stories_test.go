package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// membershipHazards are the hazards of docs/hazards.md that touch who is on a list. The others are about the broker, the
// ledger and the publisher, and are cited where they are tested.
var membershipHazards = []int{1, 2, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 34, 35}

// fieldStories is how many accidents of this field's tools have a story: docs/model.md lists them.
const fieldStories = 28

var (
	hazardCited = regexp.MustCompile(`\bH([1-9][0-9]?)\b`)
	storyCited  = regexp.MustCompile(`(?i)\bstory ([1-9][0-9]?)\b`)
)

// Every hazard that touches membership, and every story of the field, is told by a test or by a story of the model's corpus,
// which is played by one.
func TestEveryHazardAndEveryStoryHasATest(t *testing.T) {
	hazards, stories := map[int]bool{}, map[int]bool{}
	for _, p := range files(t) {
		corpus := strings.HasPrefix(p, "internal/model/testdata/corpus/")
		if !corpus && !strings.HasSuffix(p, "_test.go") || strings.HasPrefix(p, "internal/house/") {
			continue
		}
		body, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			continue // removed meanwhile
		}
		for line := range strings.Lines(string(body)) {
			if comment, found := commentOf(line, corpus); found {
				note(hazards, hazardCited, comment)
				note(stories, storyCited, comment)
			}
		}
	}
	for _, n := range membershipHazards {
		if !hazards[n] {
			t.Errorf("no test and no story of the corpus tells hazard H%d", n)
		}
	}
	for n := 1; n <= fieldStories; n++ {
		if !stories[n] {
			t.Errorf("no test and no story of the corpus tells story %d", n)
		}
	}
}

// commentOf returns what a line says beside its code.
func commentOf(line string, corpus bool) (comment string, found bool) {
	mark := "//"
	if corpus {
		mark = "#"
	}
	_, comment, found = strings.Cut(line, mark)
	return comment, found
}

func note(seen map[int]bool, cited *regexp.Regexp, comment string) {
	for _, match := range cited.FindAllStringSubmatch(comment, -1) {
		n, _ := strconv.Atoi(match[1]) // digits
		seen[n] = true
	}
}
