//go:build darwin || linux || freebsd || netbsd || openbsd || dragonfly

package broker

import (
	"errors"
	"os"
	"syscall"
)

// storeLock is an advisory lock that ends with the process, however it ends.
type storeLock struct{ file *os.File }

func lockStore(path string) (*storeLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrStoreInUse
		}
		return nil, err
	}
	return &storeLock{file: f}, nil
}

// release lets go of the lock. The file stays: removing it would let two processes lock two files.
func (l *storeLock) release() { l.file.Close() }
