//go:build !linux

package sendgrid

import (
	"syscall"
	"time"
)

// boundUnheard bounds nothing where the system has no means for it: the request's deadline does while the process runs.
func boundUnheard(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
