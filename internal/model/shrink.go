package model

import "slices"

// Shrink makes a failing story as short as it can: it takes out halves, then quarters, then single
// operations, as long as fails says that the rest still fails.
func Shrink(story Story, fails func(Story) bool) Story {
	for size := (len(story) + 1) / 2; size > 0; {
		shorter := false
		for at := 0; at < len(story); {
			without := slices.Delete(slices.Clone(story), at, min(at+size, len(story)))
			if fails(without) {
				story, shorter = without, true
			} else {
				at += size
			}
		}
		if !shorter || size > len(story) {
			size /= 2
		}
	}
	return story
}
