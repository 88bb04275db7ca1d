//go:build !race

package publish

// many is a number of rows that shows whether memory grows with them.
const many = 1_000_000
