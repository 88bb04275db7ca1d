package desk

import (
	"fmt"
	"time"

	"rollcall/internal/control"
)

// Since reads a time as operators write it: RFC 3339, or a duration before now. Empty is the beginning.
func Since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, &control.Error{
		Code: control.Misuse, Message: fmt.Sprintf("%q is no time: write RFC 3339 (2026-11-23T13:00:00Z), or a duration ago (90m)", text),
	}
}
