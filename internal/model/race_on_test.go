//go:build race

package model

const (
	defaultHistories = 1_000
	workers          = 4
	everyPair        = false // of two points of a crash
)
