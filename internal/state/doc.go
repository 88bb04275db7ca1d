// Package state is what a destination's ledger says: who is desired and why, who is listed, what is in its window, on its way, in
// doubt, waiting, held or refused, and how far the stream was read.
//
// # What it guarantees
//
// State changes in one way only: Apply folds one committed entry. Living and loading use it alike, so that both come to the same
// (I13). It is pure: no clock, goroutine, log or broker (I14). Write and Read are a snapshot of it; Digest tells two states apart.
//
// # What it does not
//
// It decides nothing of when to send: the pipeline plans from it and proposes entries. It is owned by one goroutine at a time. Its
// exported parts (Roster, Book, Window, Flight, Meta) are there to be read; whoever changes them outside of Apply breaks I13.
//
// The files named after a record, or ending in _fold, hold what applying that record does.
package state
