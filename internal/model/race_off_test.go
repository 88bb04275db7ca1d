//go:build !race

package model

const (
	defaultHistories = 2_000
	workers          = 4
)
