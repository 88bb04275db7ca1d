//go:build !race

package model

const (
	defaultHistories = 3_000 // as many as `make mutants` plays: what it shows to be noticed is noticed by every run
	defaultPairs     = 4     // of two points of a crash: every fourth
	workers          = 4
)
