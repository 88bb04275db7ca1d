package ledger

import (
	"errors"
	"fmt"
)

// What can be wrong with a journal. Compare with errors.Is.
var (
	// ErrFenced says that another replica has written behind what we loaded: step down.
	ErrFenced = errors.New("another replica owns the ledger now")
	// ErrLost says that the journal, or the snapshot that it builds on, is not there any more, or was
	// restored from a backup older than what refers to it.
	ErrLost = errors.New("the ledger was lost or restored")
	// ErrDamaged says that the journal is there and does not join, or can't be read.
	ErrDamaged = errors.New("the ledger is damaged")
	// ErrNewerBuild says that a newer build wrote what this one can't read.
	ErrNewerBuild = errors.New("the ledger was written by a newer build")
	// ErrMoved says that the owner replaced the journal by a snapshot while we were loading it: forget
	// what was loaded and load again.
	ErrMoved = errors.New("the ledger was compacted while it was being loaded")
	// ErrUncertain says that the broker did not tell in time whether an entry was committed.
	ErrUncertain = errors.New("the broker did not say whether the entry was committed")
	// ErrNotLoaded says that Load has to come first, and again after an error of Append.
	ErrNotLoaded = errors.New("the journal was not loaded since it was opened or since its last error")

	errNoObject = errors.New("no such snapshot object")
)

// TooLargeError says that an entry is bigger than a message can be. Nothing was published.
type TooLargeError struct {
	Destination string
	Bytes       int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("append to the ledger of %s: an entry of %d bytes is above the limit of %d", e.Destination, e.Bytes, MaxEntry)
}

// LostError is an ErrLost with what is missing and the way out.
type LostError struct {
	Destination string
	Detail      string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("%v: %s (restore ROLLCALL_LEDGER and ROLLCALL_SNAPSHOTS of one moment, or begin anew with what the list holds: `consumer verify %s --adopt`)",
		ErrLost, e.Detail, e.Destination)
}

// Is makes a LostError an ErrLost.
func (e *LostError) Is(target error) bool { return target == ErrLost }

// DamagedError is an ErrDamaged with where and the way out.
type DamagedError struct {
	Destination string
	Detail      string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%v: %s (restore ROLLCALL_LEDGER and ROLLCALL_SNAPSHOTS of one moment, or begin anew with what the list holds: `consumer verify %s --adopt`)",
		ErrDamaged, e.Detail, e.Destination)
}

// Is makes a DamagedError an ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// newerBuild tells which form was found and what to run.
func newerBuild(destination string, seq uint64, format int) error {
	return fmt.Errorf("%w: entry %d of %s has form %d, this build reads up to %d (run the build that wrote it, or a later one)",
		ErrNewerBuild, seq, destination, format, Format)
}
