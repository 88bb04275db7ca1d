//go:build !race

package model

const (
	defaultHistories = 1_500
	workers          = 4
)
