//go:build !race

package model

const (
	defaultHistories = 10_000
	workers          = 4
	everyPair        = true // of two points of a crash
)
