//go:build race

package model

const (
	defaultHistories = 200
	workers          = 4
)
