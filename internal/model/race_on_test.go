//go:build race

package model

const (
	defaultHistories = 1_000
	defaultPairs     = 0 // of two points of a crash: only so many that each point is the first and the second
	workers          = 4
)
