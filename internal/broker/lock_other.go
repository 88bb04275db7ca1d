//go:build !(darwin || linux || freebsd || netbsd || openbsd || dragonfly)

package broker

import (
	"errors"
	"io/fs"
	"os"
)

// storeLock is a file that exists while the store is open. After a crash it has to be removed by hand:
// this system has no lock that ends with its process.
type storeLock struct{ path string }

func lockStore(path string) (*storeLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrStoreInUse
	}
	if err != nil {
		return nil, err
	}
	return &storeLock{path: path}, f.Close()
}

func (l *storeLock) release() { os.Remove(l.path) }
