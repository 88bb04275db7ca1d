//go:build race

package publish

// many is smaller under the race detector, which takes ten times as long.
const many = 100_000
